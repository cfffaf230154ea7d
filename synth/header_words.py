"""Words that recorders print, in twelve languages; names are put together from invented halves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FINDINGS", "LANGUAGES", "Language"]

#: What an interpretation can be about.
FINDINGS = (
    "norm", "infarct", "old_infarct", "st", "conduction", "hypertrophy", "ectopy", "fibrillation", "bradycardia",
    "tachycardia", "paced", "flutter", "abnormal",
)  # fmt: skip


@dataclass(frozen=True)
class Language:
    """Words of one language; every field that holds several has them in a fixed order.

    Parameters
    ----------
    field : tuple of str
        Name, number, date of birth, age, sex, room, department, technician, referring and confirming physician.
    sexes : tuple of str
        Male and female, short forms and long forms.
    years : str
        What follows an age.
    measure : tuple of str
        Rate, PR, QRS, QT/QTc, axes; then the rate's unit.
    months : str
        Short names of the months, parted by blanks.
    date : str
        How the country writes a day, as for `datetime.date.strftime`; ``%b`` is taken from ``months``.
    neutral : tuple of str
        Statements that fit every record.
    statements : mapping finding -> str
        What a program says of each of `FINDINGS`; other ways to say it follow after ``|``.
    given : tuple of two tuples of str
        Given names of men and of women.
    heads, tails : str
        Halves of family names, parted by blanks.
    scale : tuple of str
        Speed, limb leads, chest leads, filter.
    comma : bool
        Whether decimals have one.
    """

    field: tuple[str, ...]
    sexes: tuple[str, str, str, str]
    years: str
    measure: tuple[str, str, str, str, str, str]
    months: str
    date: str
    neutral: tuple[str, ...]
    statements: Mapping[str, str]
    given: tuple[tuple[str, ...], tuple[str, ...]]
    heads: str
    tails: str
    scale: tuple[str, str, str, str]
    comma: bool = True


def _statements(*words: str) -> dict[str, str]:
    return dict(zip(FINDINGS, words, strict=True))


_EN = Language(
    ("Name", "ID", "DOB", "Age", "Sex", "Room", "Cardiology", "Technician", "Referred by", "Confirmed by"),
    ("M", "F", "Male", "Female"), "years",
    ("Vent. rate", "PR interval", "QRS duration", "QT/QTc", "P-R-T axes", "BPM"),
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "%d-%b-%Y",
    ("Unconfirmed report", "Interpretation made without clinical data", "No previous ECGs available",
     "Physician review required"),
    _statements("Normal ECG|Within normal limits|Normal tracing", "Acute infarct suspected|Consider acute infarction",
                "Infarct, age undetermined|Cannot rule out infarct, age undetermined",
                "Nonspecific ST and T wave abnormality|ST and T abnormality, consider ischemia",
                "Intraventricular conduction delay|Conduction abnormality",
                "Voltage criteria for ventricular hypertrophy|Consider ventricular hypertrophy",
                "Ectopic beats|Premature complexes", "Atrial fibrillation|Probable atrial fibrillation",
                "Bradycardia|Slow rate", "Tachycardia|Fast rate", "Paced rhythm|Electronic pacemaker",
                "Atrial flutter|Probable atrial flutter", "Abnormal ECG|Borderline ECG"),
    (("Rowan", "Edwin", "Silas", "Miles", "Owen", "Felix"), ("Hazel", "Ivy", "Clara", "Nora", "Fern", "Edith")),
    "Sample Paper Grid Ink Mock Draw Plot Page Lead Trace", "ton ley wick son field ham by more",
    ("Speed", "Limb", "Chest", "Filter"), False,
)  # fmt: skip
_DE = Language(
    ("Name", "Pat.-Nr.", "geb.", "Alter", "Geschl.", "Zimmer", "Kardiologie", "MTA", "Zuweiser", "Befundet"),
    ("m", "w", "männlich", "weiblich"), "Jahre",
    ("HF", "PQ", "QRS", "QT/QTc", "P/QRS/T-Achse", "/min"),
    "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez", "%d.%m.%Y",
    ("Befund nicht bestätigt", "Ärztliche Beurteilung erforderlich", "Keine Voraufnahme vorhanden"),
    _statements("Normales EKG|Unauffälliges EKG", "Verdacht auf akuten Infarkt|Akuter Infarkt möglich",
                "Infarkt unbestimmten Alters|Infarkt nicht auszuschließen",
                "Unspezifische ST-T-Veränderungen|Erregungsrückbildungsstörung",
                "Intraventrikuläre Leitungsverzögerung|Erregungsausbreitungsstörung",
                "Hypertrophiezeichen|Voltagekriterien der Hypertrophie", "Extrasystolen", "Vorhofflimmern",
                "Bradykardie", "Tachykardie", "Schrittmacherrhythmus", "Vorhofflattern",
                "Pathologisches EKG|Grenzbefund"),
    (("Jürgen", "Götz", "Emil", "Lorenz", "Kurt"), ("Käthe", "Ilse", "Grete", "Frieda", "Jördis")),
    "Muster Papier Kurven Raster Probe Zacken Blatt Streifen", "mann bach feld hauer meier stein",
    ("Vorschub", "Extr.", "Brustw.", "Filter"),
)  # fmt: skip
_FR = Language(
    ("Nom", "N° patient", "Né(e) le", "Âge", "Sexe", "Chambre", "Cardiologie", "Opérateur", "Prescripteur",
     "Validé par"),
    ("H", "F", "Homme", "Femme"), "ans",
    ("Fréq. vent.", "Intervalle PR", "Durée QRS", "QT/QTc", "Axes P-R-T", "bpm"),
    "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.", "%d %b %Y",
    ("Rapport non validé", "Avis médical nécessaire", "Pas d'ECG antérieur disponible"),
    _statements("ECG normal", "Suspicion d'infarctus aigu", "Infarctus d'âge indéterminé",
                "Anomalies non spécifiques de ST-T", "Retard de conduction intraventriculaire",
                "Critères d'hypertrophie ventriculaire", "Extrasystoles", "Fibrillation auriculaire", "Bradycardie",
                "Tachycardie", "Rythme électro-entraîné", "Flutter auriculaire", "ECG anormal"),
    (("Étienne", "Rémi", "Gaston", "Léon", "Hugo"), ("Zoé", "Hélène", "Margaux", "Odile", "Inès")),
    "Papier Feuil Mont Tracé Page Val Encre Grille", "ville mont eau ard in et",
    ("Vitesse", "Périph.", "Préc.", "Filtre"),
)  # fmt: skip
_ES = Language(
    ("Nombre", "N.º hist.", "F. nac.", "Edad", "Sexo", "Hab.", "Cardiología", "Técnico", "Solicitado por",
     "Revisado por"),
    ("H", "M", "Hombre", "Mujer"), "años",
    ("Frec. vent.", "Intervalo PR", "Duración QRS", "QT/QTc", "Ejes P-R-T", "lpm"),
    "ene feb mar abr may jun jul ago sep oct nov dic", "%d/%m/%Y",
    ("Informe no confirmado", "Requiere revisión médica", "Sin ECG previo disponible"),
    _statements("ECG normal", "Sospecha de infarto agudo", "Infarto de edad indeterminada",
                "Alteración inespecífica de ST y T", "Retraso de la conducción intraventricular",
                "Criterios de hipertrofia ventricular", "Extrasístoles", "Fibrilación auricular", "Bradicardia",
                "Taquicardia", "Ritmo de marcapasos", "Flúter auricular", "ECG anormal"),
    (("Íñigo", "Andrés", "Bruno", "Gaspar", "Ramón"), ("Lucía", "Begoña", "Inés", "Mónica", "Pilar")),
    "Papel Cuadr Tinta Hoj Traz Monte Rueda Campo", "illo ero ado es al ares",
    ("Velocidad", "Miemb.", "Prec.", "Filtro"),
)  # fmt: skip
_IT = Language(
    ("Nome", "Cod. paz.", "Nato il", "Età", "Sesso", "Camera", "Cardiologia", "Operatore", "Richiedente",
     "Refertato da"),
    ("M", "F", "Maschio", "Femmina"), "anni",
    ("Freq. ventr.", "Intervallo PR", "Durata QRS", "QT/QTc", "Assi P-R-T", "bpm"),
    "gen feb mar apr mag giu lug ago set ott nov dic", "%d/%m/%Y",
    ("Referto non confermato", "Necessaria valutazione medica", "Nessun ECG precedente"),
    _statements("ECG nella norma", "Sospetto infarto acuto", "Infarto di età indeterminata",
                "Anomalie aspecifiche di ST e T", "Ritardo di conduzione intraventricolare",
                "Criteri di ipertrofia ventricolare", "Extrasistoli", "Fibrillazione atriale", "Bradicardia",
                "Tachicardia", "Ritmo da pacemaker", "Flutter atriale", "ECG anormale"),
    (("Niccolò", "Ettore", "Bruno", "Sandro", "Piero"), ("Luisa", "Noemi", "Ilaria", "Gemma", "Bice")),
    "Cart Fogli Tracc Inchi Riga Quadr Penn Monte", "ini ello etti one aro ani",
    ("Velocità", "Arti", "Torace", "Filtro"),
)  # fmt: skip
_PT = Language(
    ("Nome", "N.º proc.", "Nasc.", "Idade", "Sexo", "Quarto", "Cardiologia", "Técnico", "Requisitante", "Validado por"),
    ("M", "F", "Masculino", "Feminino"), "anos",
    ("Freq. vent.", "Intervalo PR", "Duração QRS", "QT/QTc", "Eixos P-R-T", "bpm"),
    "jan fev mar abr mai jun jul ago set out nov dez", "%d-%m-%Y",
    ("Relatório não confirmado", "Requer revisão médica", "Sem ECG anterior disponível"),
    _statements("ECG normal", "Suspeita de enfarte agudo", "Enfarte de idade indeterminada",
                "Alterações inespecíficas de ST-T", "Atraso da condução intraventricular",
                "Critérios de hipertrofia ventricular", "Extrassístoles", "Fibrilhação auricular", "Bradicardia",
                "Taquicardia", "Ritmo de pacemaker", "Flutter auricular", "ECG anormal"),
    (("João", "Tomé", "Duarte", "Simão", "Nuno"), ("Inês", "Graça", "Leonor", "Conceição", "Rita")),
    "Papel Folh Traç Tint Quadr Lin Monte Campo", "eira inho al ães ado oso",
    ("Velocidade", "Memb.", "Prec.", "Filtro"),
)  # fmt: skip
_NL = Language(
    ("Naam", "Pat.nr.", "Geb.", "Leeftijd", "Geslacht", "Kamer", "Cardiologie", "Laborant", "Aanvrager",
     "Bevestigd door"),
    ("M", "V", "Man", "Vrouw"), "jaar",
    ("Hartfreq.", "PR-interval", "QRS-duur", "QT/QTc", "P-R-T-assen", "/min"),
    "jan feb mrt apr mei jun jul aug sep okt nov dec", "%d-%m-%Y",
    ("Niet bevestigd", "Beoordeling door arts vereist", "Geen eerder ecg beschikbaar"),
    _statements("Normaal ecg", "Verdenking acuut infarct", "Infarct, leeftijd onbepaald",
                "Aspecifieke ST-T-afwijkingen", "Intraventriculaire geleidingsvertraging",
                "Criteria voor ventrikelhypertrofie", "Extrasystolen", "Atriumfibrilleren", "Bradycardie",
                "Tachycardie", "Pacemakerritme", "Atriumflutter", "Afwijkend ecg"),
    (("Sjoerd", "Bram", "Wouter", "Joost", "Ruud"), ("Femke", "Sanne", "Maaike", "Joke", "Wil")),
    "Papier Blad Lijn Ruit Inkt Kader Proef Veld", "stra sma man huis kamp dijk",
    ("Snelheid", "Extr.", "Borst", "Filter"),
)  # fmt: skip
_PL = Language(
    ("Nazwisko", "Nr pac.", "Ur.", "Wiek", "Płeć", "Sala", "Kardiologia", "Technik", "Zlecający", "Zatwierdził"),
    ("M", "K", "Mężczyzna", "Kobieta"), "lat",
    ("Częst. komór", "Odstęp PQ", "Czas QRS", "QT/QTc", "Osie P-R-T", "/min"),
    "sty lut mar kwi maj cze lip sie wrz paź lis gru", "%d.%m.%Y",
    ("Opis niepotwierdzony", "Wymaga oceny lekarza", "Brak wcześniejszych badań"),
    _statements("EKG prawidłowe", "Podejrzenie ostrego zawału", "Zawał w nieokreślonym czasie",
                "Nieswoiste zmiany ST-T", "Zaburzenia przewodzenia śródkomorowego", "Cechy przerostu komory",
                "Pobudzenia dodatkowe", "Migotanie przedsionków", "Bradykardia", "Tachykardia", "Rytm ze stymulatora",
                "Trzepotanie przedsionków",
                "EKG nieprawidłowe"),
    (("Łukasz", "Błażej", "Michał", "Józef", "Zenon"), ("Małgorzata", "Róża", "Łucja", "Hanna", "Zofia")),
    "Papier Kratk Kartk Wykres Linij Atrament Próbk Wzor", "ak ek ewicz owicz czyk uk",
    ("Przesuw", "Kończ.", "Przeds.", "Filtr"),
)  # fmt: skip
_TR = Language(
    ("Ad Soyad", "Hasta No", "D. Tarihi", "Yaş", "Cinsiyet", "Oda", "Kardiyoloji", "Teknisyen", "İsteyen", "Onaylayan"),
    ("E", "K", "Erkek", "Kadın"), "yaş",
    ("Kalp hızı", "PR süresi", "QRS süresi", "QT/QTc", "P-R-T aks", "/dk"),
    "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara", "%d.%m.%Y",
    ("Onaylanmamış rapor", "Hekim değerlendirmesi gerekir", "Önceki EKG yok"),
    _statements("Normal EKG", "Akut infarktüs şüphesi", "Yaşı belirsiz infarktüs", "Özgül olmayan ST-T değişikliği",
                "İntraventriküler ileti gecikmesi", "Ventrikül hipertrofisi ölçütleri", "Ekstrasistoller",
                "Atriyal fibrilasyon", "Bradikardi", "Taşikardi", "Kalp pili ritmi", "Atriyal flutter", "Anormal EKG"),
    (("Çağrı", "Oğuz", "Ümit", "İlker", "Barış"), ("Ayşe", "Gül", "Şirin", "Özge", "Işıl")),
    "Kağıt Çizgi Kare Örnek Sayfa Mürek Yaprak Deneme", "oğlu er can man lı sel",
    ("Hız", "Ekst.", "Göğüs", "Filtre"),
)  # fmt: skip
_SV = Language(
    ("Namn", "Pat-ID", "Född", "Ålder", "Kön", "Rum", "Kardiologen", "Biomed. analytiker", "Remittent", "Signerat av"),
    ("M", "K", "Man", "Kvinna"), "år",
    ("Kammarfrekv.", "PQ-tid", "QRS-tid", "QT/QTc", "P-R-T-axlar", "/min"),
    "jan feb mar apr maj jun jul aug sep okt nov dec", "%Y-%m-%d",
    ("Ej bekräftat", "Läkarbedömning krävs", "Inget tidigare EKG"),
    _statements("Normalt EKG", "Misstänkt akut infarkt", "Infarkt av okänd ålder", "Ospecifika ST-T-förändringar",
                "Intraventrikulär retledningsfördröjning", "Tecken på kammarhypertrofi", "Extraslag", "Förmaksflimmer",
                "Bradykardi", "Takykardi", "Pacemakerrytm", "Förmaksfladder", "Onormalt EKG"),
    (("Åke", "Göran", "Björn", "Sören", "Nils"), ("Åsa", "Märta", "Görel", "Siv", "Tyra")),
    "Papper Blad Rut Pränt Linje Bläck Prov Ark", "ström berg sson kvist löv gren",
    ("Hastighet", "Extr.", "Bröst", "Filter"),
)  # fmt: skip
_EL = Language(
    ("Όνομα", "Αρ. ασθ.", "Γέννηση", "Ηλικία", "Φύλο", "Θάλαμος", "Καρδιολογική", "Τεχνικός", "Παραπομπή", "Έλεγχος"),
    ("Α", "Θ", "Άνδρας", "Γυναίκα"), "ετών",
    ("Συχνότητα", "Διάστημα PR", "Διάρκεια QRS", "QT/QTc", "Άξονες P-R-T", "bpm"),
    "Ιαν Φεβ Μαρ Απρ Μάι Ιουν Ιουλ Αυγ Σεπ Οκτ Νοε Δεκ", "%d/%m/%Y",
    ("Μη επιβεβαιωμένο", "Απαιτείται ιατρικός έλεγχος", "Χωρίς προηγούμενο ΗΚΓ"),
    _statements("Φυσιολογικό ΗΚΓ", "Υποψία οξέος εμφράγματος", "Έμφραγμα αδιευκρίνιστης ηλικίας",
                "Μη ειδικές διαταραχές ST-T", "Ενδοκοιλιακή καθυστέρηση αγωγής", "Κριτήρια υπερτροφίας κοιλίας",
                "Έκτακτες συστολές", "Κολπική μαρμαρυγή", "Βραδυκαρδία", "Ταχυκαρδία", "Βηματοδοτικός ρυθμός",
                "Κολπικός πτερυγισμός",
                "Παθολογικό ΗΚΓ"),
    (("Πέτρος", "Νίκος", "Ηλίας", "Φώτης"), ("Ελένη", "Ζωή", "Άννα", "Θάλεια")),
    "Χαρτ Γραμμ Μελαν Σελιδ Πλεγμ Δειγμ", "άκης όπουλος ίδης άτος ούδης",
    ("Ταχύτητα", "Άκρα", "Θώρακας", "Φίλτρο"),
)  # fmt: skip
_RU = Language(
    ("ФИО", "№ пац.", "Дата рожд.", "Возраст", "Пол", "Палата", "Кардиология", "Лаборант", "Направил", "Врач"),
    ("М", "Ж", "муж.", "жен."), "лет",
    ("ЧСС", "Интервал PQ", "QRS", "QT/QTc", "Оси P-R-T", "уд/мин"),
    "янв фев мар апр май июн июл авг сен окт ноя дек", "%d.%m.%Y",
    ("Не подтверждено врачом", "Требуется оценка врача", "Предыдущих ЭКГ нет"),
    _statements("ЭКГ в пределах нормы", "Подозрение на острый инфаркт", "Инфаркт неопределённой давности",
                "Неспецифические изменения ST-T", "Нарушение внутрижелудочковой проводимости",
                "Признаки гипертрофии желудочка", "Экстрасистолы", "Фибрилляция предсердий", "Брадикардия",
                "Тахикардия", "Ритм кардиостимулятора", "Трепетание предсердий", "Отклонения на ЭКГ"),
    (("Фёдор", "Семён", "Захар", "Юрий"), ("Зоя", "Юлия", "Фаина", "Жанна")),
    "Бумаг Листк Чернил Образц Клет Линей", "ин ов енко ский ук",
    ("Скорость", "Кон.", "Гр.", "Фильтр"),
)  # fmt: skip

#: Languages by their ISO 639-1 code.
LANGUAGES: dict[str, Language] = {
    "en": _EN, "de": _DE, "fr": _FR, "es": _ES, "it": _IT, "pt": _PT, "nl": _NL, "pl": _PL, "tr": _TR, "sv": _SV,
    "el": _EL, "ru": _RU,
}  # fmt: skip
