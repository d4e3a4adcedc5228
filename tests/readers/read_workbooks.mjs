// Print the cells of a workbook as exceljs or SheetJS read them: JSON, rows of values by sheet.
import fs from 'node:fs';
import ExcelJS from 'exceljs';
import XLSX from 'xlsx';

const readers = {
  async exceljs(file) {
    const workbook = new ExcelJS.Workbook();
    await workbook.xlsx.readFile(file);
    return workbook.worksheets.map((sheet) => {
      const rows = [];
      sheet.eachRow({ includeEmpty: true }, (row) => {
        const values = [];
        row.eachCell({ includeEmpty: true }, (cell) => values.push(cell.value));
        rows.push(values);
      });
      return [sheet.name, rows];
    });
  },
  SheetJS(file) {
    const workbook = XLSX.read(fs.readFileSync(file), { cellStyles: true });
    const rows = (name) =>
      XLSX.utils.sheet_to_json(workbook.Sheets[name], { header: 1, raw: true, defval: null });
    return workbook.SheetNames.map((name) => [name, rows(name)]);
  },
};

const [name, ...files] = process.argv.slice(2);
const cells = {};
for (const file of files) cells[file] = await readers[name](file);
process.stdout.write(JSON.stringify(cells));
