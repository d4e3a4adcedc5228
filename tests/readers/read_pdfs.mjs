// For each path on the standard input, print the texts of the pages as pdf.js reads them: JSON.
import fs from 'node:fs';
import readline from 'node:readline';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';

async function textsOf(file) {
  const data = new Uint8Array(fs.readFileSync(file));
  const document = await getDocument({ data, verbosity: 0 }).promise;
  const texts = [];
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    texts.push(items.map((item) => item.str + (item.hasEOL ? '\n' : '')).join(''));
  }
  await document.destroy();
  return texts;
}

for await (const file of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await textsOf(file))}\n`);
}
