import pytest

from training.languages import guess, reads, told

NEWS = {
    "English": "The mayor of Springfield said on Tuesday that the council will vote on the new budget, which has been"
    " delayed by a dispute with the unions. It was not clear when they are to meet, and her office has said nothing of"
    " the date that was given for this.",
    "German": "Der Bürgermeister von Köln sagte am Dienstag, dass der Rat über den neuen Haushalt abstimmen wird, der"
    " durch einen Streit mit den Gewerkschaften verzögert wurde. Es ist nicht klar, wann sie sich treffen, und das ist"
    " auch der letzte Termin.",
    "Dutch": "De burgemeester van Utrecht zei dinsdag dat de raad zal stemmen over de nieuwe begroting, die door een"
    " geschil met de vakbonden vertraging heeft opgelopen. Het is niet duidelijk wanneer zij bijeenkomen, en dat wordt"
    " ook niet bekend.",
    "French": "Le maire a dit mardi que le conseil voterait sur le nouveau budget, qui a été retardé par une dispute"
    " avec les syndicats. On ne sait pas quand ils vont se réunir dans la ville, et le vote est attendu pour vendredi"
    " par les élus.",
    "Spanish": "El alcalde dijo el martes que el consejo votará sobre el nuevo presupuesto, que se ha retrasado por una"
    " disputa con los sindicatos. No está claro cuándo se reunirán las partes, y es la última fecha para los concejales"
    " según su oficina.",
    "Portuguese": "O prefeito disse na terça-feira que o conselho vai votar o novo orçamento, que foi adiado por uma"
    " disputa com os sindicatos. Não está claro quando eles vão se reunir. A votação é esperada para sexta-feira, e não"
    " há mais datas.",
    "Italian": "Il sindaco ha detto martedì che il consiglio voterà sul nuovo bilancio, che è stato ritardato da una"
    " disputa con i sindacati. Non è chiaro quando si riuniranno. Il voto è atteso per venerdì, ed è anche l'ultima"
    " data della giunta.",
    "Swedish": "Borgmästaren sade på tisdagen att rådet ska rösta om den nya budgeten, som har försenats av en tvist"
    " med facken. Det är inte klart när de ska mötas, och det är också sista dagen för att fatta beslut om den efter"
    " ett år av strid.",
    "Danish or Norwegian": "Borgmesteren sagde tirsdag, at rådet vil stemme om det nye budget, som er blevet forsinket"
    " af en strid med fagforeningerne. Det er ikke klart, hvornår de mødes til det, og det var den sidste dag, som hun"
    " har til at blive hørt.",
    "Polish": "Burmistrz powiedział we wtorek, że rada będzie głosować nad nowym budżetem, który został opóźniony przez"
    " spór ze związkami. Nie jest jasne, kiedy się spotkają. Głosowanie jest oczekiwane w piątek i jest to także data"
    " dla radnych.",
    "a language in Cyrillic script": "Мэр заявил во вторник, что совет проголосует за новый бюджет, который задержался"
    " из-за спора с профсоюзами. Неясно, когда они встретятся. Голосование ожидается в пятницу, и это последняя дата"
    " для депутатов, сообщили в его канцелярии, а газеты пишут разное.",
    "a language in Arabic script": "قال رئيس البلدية يوم الثلاثاء إن المجلس سيصوت على الميزانية الجديدة التي تأخرت بسبب"
    " خلاف مع النقابات. ليس من الواضح متى سيجتمعون. ومن المتوقع التصويت يوم الجمعة وهو آخر موعد لأعضاء المجلس بحسب"
    " مكتبه الذي لم يذكر تفاصيل أخرى حتى الآن في المدينة.",
    "Chinese": "市长星期二说，议会将就新预算进行表决，该预算因与工会的争端而推迟。目前尚不清楚他们何时会面。" * 6,
    "Japanese": "市長は火曜日、議会が新しい予算について採決すると述べた。労働組合との争いで遅れていた。" * 6,
}


@pytest.mark.parametrize("name", NEWS)
def test_the_language_of_news_is_told(name: str) -> None:
    found = guess([NEWS[name]])
    assert found is not None
    assert found.name == name


def test_names_numbers_and_a_few_words_tell_nothing() -> None:
    assert guess([]) is None
    assert guess(["The mayor."]) is None
    assert guess(["Angela Merkel, Barack Obama, Lionel Messi, Siemens AG, FC Barcelona 3:2 " * 9]) is None


def test_foreign_names_in_english_news_do_not_mislead() -> None:
    found = guess([NEWS["English"], "Владимир Путин and Сергей Лавров", "de la Cruz", "van der Bellen"])
    assert found is not None
    assert found.name == "English"


@pytest.mark.parametrize(
    ("codes", "name"),
    [
        (["de", "de-AT", ""], "German"),
        (["EN_us"], "English"),
        (["nb"], "Danish or Norwegian"),
        (["de", "", "", ""], None),
        (["xx"], None),
        ([], None),
    ],
)
def test_the_language_that_most_documents_name_is_theirs(codes: list[str], name: str | None) -> None:
    found = told(codes)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("languages", "answer"),
    [(["en"], False), (["de"], True), (["de-DE", "fr"], True), (["multilingual"], True), ([], True)],
)
def test_an_encoder_reads_what_its_card_names(languages: list[str], answer: bool) -> None:
    german = guess([NEWS["German"]])
    assert german is not None
    assert reads(languages, german) is answer
