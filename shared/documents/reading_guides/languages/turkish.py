"""The reading guide in Turkish."""

from shared.documents.fiche_texts import Advice
from shared.documents.reading_guides.guide_texts import (
    BackTexts,
    FrontTexts,
    GuideTexts,
    StatusMeanings,
)

TURKISH = GuideTexts(
    language="tr",
    name="Türkçe",
    dutch_name="Turks",
    title="Sonuç belgesi nasıl okunur?",
    introduction=(
        "Öğrenci okulda bir teste girdi. Okul size sonuç belgesini verir. Belge Felemenkçedir. Bu"
        " kılavuz neyin nerede olduğunu gösterir. Resimdeki numarayı bulun. Sonra aynı numaralı"
        " yazıyı okuyun."
    ),
    front=FrontTexts(
        title="Ön yüz",
        alternative="Bir belgenin ön yüzünün resmi, {first} ile {last} arası numaralarla.",
        student="Öğrencinin adı. Altında yalnızca bu öğrenciye ait numaralar vardır.",
        facts="Sınıf, okul, okul binası, sınıf düzeyi, testin günleri ve öğretim yılı.",
        subjects=(
            "Dersler: Felemenkçe ve matematik. Bir dersin bir veya daha çok bölümü vardır. Her"
            " bölümün kendi düzeyi vardır."
        ),
        scale="En düşükten en yükseğe bütün düzeyler. Koyu kutu öğrencinin düzeyidir.",
        description=(
            "Düzey ve bu düzeydeki bir öğrencinin neler yapabildiği. Bu yazı Felemenkçedir."
            " Öğretmenden açıklamasını isteyin."
        ),
        goals=(
            "Bu yeterli mi? Çizgi, hedefe ulaşılan düzeyde başlar. Birinci hedef, her öğrencinin"
            " günlük yaşamda ihtiyaç duyduğu şeydir. İkinci hedefi yasa belirler. Her testte bu"
            " hedefler yoktur."
        ),
        no_level="Burada düzey yoktur. Yanındaki sözcük nedenini söyler.",
        tips="Dört ipucu. Türkçesi bir sonraki sayfadadır.",
    ),
    back=BackTexts(
        title="Arka yüz",
        alternative="Bir belgenin arka yüzünün resmi, {first} ile {last} arası numaralarla.",
        levels=(
            "Sözlerle bütün düzeyler, düşükten yükseğe. Hiç düzey göstermeyen belgenin arka yüzü"
            " yoktur."
        ),
        next_step="Koyu kutu öğrencinin düzeyidir. Kesik çizgili kutu bir sonraki adımdır.",
        questions="Öğretmen için üç soru. Onları aşağıda bulursunuz.",
        viewing=(
            "Öğrenci gelip neyin doğru, neyin yanlış olduğunu görebilir. Yeri Brüksel’dir ve"
            " ücretsizdir. Öğrenciyi okul kaydeder."
        ),
    ),
    tips_title="Dört ipucu",
    tips=(
        Advice("Not değil", "Düzey bir not değildir. Birinin şimdiden ne yapabildiğini söyler."),
        Advice(
            "Karşılaştırma yok",
            "Düzey öğrenciyi kimseyle karşılaştırmaz. Harf, başka bir testin harfi değildir.",
        ),
        Advice(
            "Tek bir gün",
            "Test o gün neyin başarıldığını gösterir. Öğretmen her gün çok daha fazlasını görür. O"
            " da önemlidir.",
        ),
        Advice("Sorunuz mu var?", "Okulla konuşun. Okul öğrenciyi tanır ve size yardım eder."),
    ),
    statuses=StatusMeanings(
        title="Düzey yoksa",
        absent="Öğrenci bu bölümde yoktu.",
        exempt="Öğrencinin bu bölümü yapması gerekmedi. Okul nedenini söyleyebilir.",
        not_completed="Bu bölüm bitmedi. Bu, öğrencinin suçu değildir.",
        not_assigned="Bu bölüm bu öğrencinin testinde yoktu.",
        withheld="Bu bölüm için düzey vermiyoruz. Okul daha fazlasını söyleyebilir.",
        withdrawn="Bu düzey artık geçerli değildir. Okul nedenini söyleyebilir.",
    ),
    questions_title="Öğretmen için üç soru",
    questions_introduction="Felemenkçe sorun veya buradaki soruyu parmağınızla gösterin.",
    questions=(
        "Şimdiden iyi giden nedir?",
        "Bir sonraki adım nedir?",
        "Evde nasıl yardım edebiliriz?",
    ),
    version="sürüm",
    page="sayfa",
    read_on="devamı sayfa",
)
