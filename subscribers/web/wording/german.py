"""Hold the pages' texts in German."""

from __future__ import annotations

from collections.abc import Mapping

from subscribers.address_change import AddressChangeResult
from subscribers.errors import AddressFault
from subscribers.lifecycle import ConfirmResult
from subscribers.web.wording.text_keys import PageText, TextCatalogue

FAULTS: Mapping[AddressFault, str] = {
    AddressFault.EMPTY: "Bitte geben Sie eine Adresse ein.",
    AddressFault.NO_AT: "In einer Adresse steht ein @ zwischen Name und Domain.",
    AddressFault.MANY_AT: "In einer Adresse steht nur ein @.",
    AddressFault.TOO_LONG: "Eine Adresse hat höchstens 254 Bytes.",
    AddressFault.LOCAL_TOO_LONG: "Vor dem @ stehen höchstens 64 Zeichen.",
    AddressFault.LABEL_TOO_LONG: ("Zwischen zwei Punkten der Domain stehen höchstens 63 Zeichen."),
    AddressFault.HIDDEN: "Die Adresse enthält ein Leerzeichen oder ein unsichtbares Zeichen.",
    AddressFault.QUOTED: "Anführungszeichen vor dem @ werden nicht unterstützt.",
    AddressFault.LITERAL: ("Eine Netzadresse in Klammern hinter dem @ wird nicht unterstützt."),
    AddressFault.ACCENTED: "Vor dem @ werden nur Buchstaben ohne Akzente unterstützt.",
    AddressFault.DOT: "Punkte stehen nur zwischen anderen Zeichen.",
    AddressFault.LOCAL: "Vor dem @ fehlt etwas, oder dort steht ein unerlaubtes Zeichen.",
    AddressFault.DOMAIN: "Hinter dem @ steht keine Internet-Domain.",
    AddressFault.RESERVED: "Diese Domain ist reserviert und kann keine Post bekommen.",
}

DE = TextCatalogue(
    name="Deutsch",
    sign_up=PageText(title="{newsletter}", body=("{description}", "{comes}")),
    comes="Per E-Mail, {comes}.",
    sign_up_again="Bitte drücken Sie noch einmal auf den Knopf, damit klar ist, dass Sie es sind.",
    sign_up_harder=(
        "Gerade kommen sehr viele Anmeldungen: im Ganzen oder für Adressen Ihrer Domain. Damit klar"
        " ist, dass Sie kein Roboter sind, rechnet Ihr Browser vorher etwas länger. Das kann eine"
        " halbe Minute dauern; danach geht es von selbst weiter."
    ),
    address="Ihre E-Mail-Adresse",
    trap="Bitte leer lassen",
    sign_up_button="Bitte zuschicken",
    needs_script=(
        "Damit keine Roboter hereinkommen, rechnet Ihr Browser kurz, bevor er das Formular"
        " abschickt. Dafür braucht er JavaScript, und das ist hier ausgeschaltet."
    ),
    needs_script_now=(
        "Dafür braucht er JavaScript, und das ist hier ausgeschaltet. Ohne JavaScript versuchen Sie"
        " es bitte in einer Stunde noch einmal. Es wurde nichts verschickt."
    ),
    working="Einen Moment: Ihr Browser rechnet kurz, damit keine Roboter hereinkommen.",
    wording=(
        "Ich möchte {newsletter} per E-Mail bekommen. Ich kann mich jederzeit über den Link in"
        " jeder Mail abmelden. Bis ich das in der ersten Mail bestätige, kommt sonst nichts."
    ),
    latest="Erst die letzte Ausgabe ansehen",
    read_latest="Die letzte Ausgabe lesen",
    kept_link="Was wir über Sie speichern",
    kept=PageText(
        title="Was wir über Sie speichern",
        body=(
            "{responsible}",
            "Ihre E-Mail-Adresse, Ihre Sprache, und was Sie für {newsletter} einstellen, etwa"
            " Themen oder eine Pause. Das dient nur einem: Ihnen zu schicken, was Sie bestellt"
            " haben, solange Sie es möchten.",
            "Wann und über welches Formular Sie zugestimmt haben und wann Sie gegangen sind. Das"
            " ist der Nachweis, den wir schuldig sind. {evidence} nach Ihrem Weggang wird er"
            " gelöscht, und Ihre Adresse mit ihm.",
            "{network}",
            "Welche Ausgaben Ihnen geschickt wurden, ob sie angekommen sind und was Ihr Postfach"
            " geantwortet hat, wenn nicht. {tracking}",
            "Eine Anmeldung, die niemand bestätigt, wird gelöscht: {pending} danach. Wer sagt, dass"
            " es nicht die eigene war, bekommt ein Jahr lang keine solchen E-Mails mehr: Dafür wird"
            " ein Hash der Adresse gespeichert.",
            "{carrier}",
            "Diese Seiten setzen keine Cookies und laden nichts von anderswo.",
            "Über den Link zu Ihren Einstellungen in jeder Mail bekommen Sie all das als Datei,"
            " können es ändern oder löschen. Dann bleibt, dass Sie zugestimmt haben und gegangen"
            " sind, unter einer Nummer, und ein Hash Ihrer Adresse, damit keine importierte Liste"
            " Sie zurückholt. {copies} {files}",
            "All das beruht auf Ihrer Zustimmung, die Sie jederzeit zurücknehmen können. Auch"
            " können Sie sich bei einer Datenschutzbehörde beschweren.",
            "{contact}",
        ),
    ),
    lasting=("1 Tag", "{n} Tage", "1 Jahr", "{n} Jahre"),
    kept_responsible="Wer es speichert: {who}.",
    kept_carrier=(
        "Zum Zustellen werden Ihre Adresse und der Text der Mails an {carrier} gegeben. An sonst"
        " niemanden."
    ),
    kept_copies="In Kopien der Datenbank, die täglich für den Verlustfall gemacht werden, steht"
    " Gelöschtes noch {copies} lang.",
    kept_copies_elsewhere="In Kopien der Datenbank für den Verlustfall steht Gelöschtes, bis auch"
    " sie gelöscht werden.",
    kept_files="Eine Datei mit jeder Mail und ihrer Adresse liegt außerdem hier, bis jemand sie"
    " löscht.",
    kept_network={
        "none": "Aus welchem Netz Sie kommen, wird nicht gespeichert.",
        "prefix": "Das Netz, aus dem Sie zugestimmt, etwas geändert oder abbestellt haben, ohne den"
        " letzten Teil, {networks} lang.",
        "full": "Die Netzadresse, von der Sie zugestimmt, etwas geändert oder abbestellt haben,"
        " {networks} lang.",
    },
    kept_tracking={
        "off": "Ob Sie sie öffnen oder einem Link darin folgen, wird nicht gespeichert.",
        "anonymous": "Wie oft sie geöffnet werden und welchen Links gefolgt wird, wird gezählt,"
        " ohne dauerhafte Verbindung zu Ihnen.",
        "reader": "Auch wann Sie sie geöffnet haben und welchen Links darin Sie gefolgt sind.",
    },
    inbox=PageText(
        title="Schauen Sie in Ihr Postfach",
        body=(
            "Wenn wir an diese Adresse schreiben dürfen, ist eine E-Mail mit einem Link unterwegs."
            " Öffnen Sie den Link und drücken Sie dort auf den Knopf: Erst dann stehen Sie auf der"
            " Liste.",
            "Nach ein paar Minuten nichts da? Sehen Sie im Spam-Ordner nach, oder versuchen Sie es"
            " in einer Stunde noch einmal.",
        ),
    ),
    many=PageText(
        title="Bitte etwas später",
        body=(
            "Gerade kommen sehr viele Anmeldungen: im Ganzen, aus Ihrem Netz oder für Adressen"
            " Ihrer Domain. Deshalb nehmen wir davon eine Weile keine mehr an. Es wurde nichts"
            " verschickt. Bitte versuchen Sie es in einer Stunde noch einmal.",
        ),
    ),
    locked_in=PageText(
        title="Bitte melden Sie sich auf einer eigenen Seite an",
        body=(
            "Die Seite um dieses Formular herum lässt es Ihren Browser nicht abschicken. Es wurde"
            " nichts verschickt. Bitte kopieren Sie diese Adresse in einen neuen Tab, und melden"
            " Sie sich dort an:",
            "{address}",
        ),
    ),
    disposable=(
        "Unter dieser Domain gibt es Wegwerf-Adressen. Bitte nehmen Sie eine, die Sie behalten."
    ),
    confirm=PageText(
        title="Möchten Sie {newsletter}?",
        body=(
            "Ein Druck auf den Knopf, und die Ausgaben kommen an die Adresse, an die dieser Link"
            " ging.",
        ),
    ),
    confirm_button="Ja, bitte zuschicken",
    confirmed={
        ConfirmResult.DONE: PageText(
            title="Sie stehen auf der Liste",
            body=(
                "Von jetzt an bekommen Sie {newsletter}. Eine Begrüßung ist per E-Mail unterwegs.",
            ),
        ),
        ConfirmResult.ALREADY: PageText(
            title="Sie stehen schon auf der Liste",
            body=("Sie haben das bereits bestätigt. Mehr ist nicht zu tun.",),
        ),
        ConfirmResult.LEFT: PageText(
            title="Sie haben sich inzwischen abgemeldet",
            body=("Dieser Link ist älter als Ihre Abmeldung und bringt deshalb nichts zurück.",),
        ),
        ConfirmResult.GONE: PageText(
            title="Diese Anmeldung gibt es nicht mehr",
            body=(
                "Sie wurde unbestätigt gelöscht, ist in einer anderen aufgegangen, oder Sie haben"
                " alle Ihre Daten löschen lassen.",
            ),
        ),
        ConfirmResult.BARRED: PageText(
            title="An diese Adresse geht keine Post",
            body=(
                "Post dorthin wurde als Spam gemeldet oder abgewiesen, oder wir haben sie von der"
                " Liste genommen. Es hat sich nichts geändert. Schreiben Sie uns, wenn wir das"
                " prüfen sollen.",
            ),
        ),
    },
    confirm_late=PageText(
        title="Dieser Link ist abgelaufen",
        body=(
            "Links zum Bestätigen gelten {hours} Stunden. Melden Sie sich noch einmal an, dann"
            " bekommen Sie einen neuen.",
        ),
    ),
    ask_again="Noch einmal anmelden",
    leave=PageText(
        title="{newsletter} abbestellen?",
        body=("Ein Druck auf den Knopf, und es kommt keine Ausgabe mehr.",),
    ),
    leave_button="Abbestellen",
    left=PageText(
        title="Sie sind abgemeldet",
        body=(
            "Sie bekommen {newsletter} nicht mehr. Eine Ausgabe, die schon unterwegs ist, kann noch"
            " ankommen.",
        ),
    ),
    stay_button="Das war ein Versehen: bitte weiter schicken",
    back=PageText(title="Sie sind wieder dabei", body=("{newsletter} kommt weiter wie bisher.",)),
    not_back=PageText(
        title="Das lässt sich nicht mehr zurücknehmen",
        body=("Um {newsletter} wieder zu bekommen, melden Sie sich noch einmal an.",),
    ),
    decline=PageText(
        title="Haben Sie das nicht gewollt?",
        body=(
            "Jemand hat Ihre Adresse in eines unserer Formulare eingetragen, vielleicht aus"
            " Versehen. Drücken Sie auf den Knopf, und ein Jahr lang schicken unsere Formulare"
            " keine E-Mail mehr an dieses Postfach, wie auch immer die Adresse geschrieben wird.",
            "Was in Ihrem Namen angefordert wurde, wird gelöscht. Gespeichert wird nur ein Hash der"
            " Adresse, um sie wiederzuerkennen.",
        ),
    ),
    decline_button="Das war ich nicht",
    declined=PageText(
        title="Sie bekommen keine solchen E-Mails mehr",
        body=(
            "Was in Ihrem Namen angefordert wurde, ist gelöscht, und ein Jahr lang schicken unsere"
            " Formulare keine E-Mail an dieses Postfach.",
        ),
    ),
    undecline_button="Das war ein Versehen: Anmeldungen wieder zulassen",
    undeclined=PageText(
        title="Anmeldungen sind wieder möglich",
        body=(
            "Wenn Sie hier einen Newsletter bekommen möchten, melden Sie sich noch einmal an. Dann"
            " kommt eine E-Mail mit einem Link.",
        ),
    ),
    preferences=PageText(title="Ihre Einstellungen", body=("{standing}",)),
    standing={
        "confirmed": "Sie bekommen {newsletter}.",
        "paused": "{newsletter} macht Pause bis {until}.",
        "pending": "Sie haben noch nicht bestätigt, dass Sie {newsletter} möchten.",
        "unsubscribed": "Sie haben {newsletter} abbestellt.",
        "suppressed": (
            "An diese Adresse geht keine Post mehr: Sie kam zurück, wurde als Spam gemeldet, oder"
            " wir haben die Adresse von der Liste genommen."
        ),
        "gone": "Hier ist nichts über Sie gespeichert.",
    },
    newsletters_label="Diese Newsletter bekommen Sie. Wählen Sie ab, was Sie nicht mehr wollen.",
    newsletter_more="Themen, Pausen und mehr für {newsletter}",
    leave_all=PageText(
        title="Alle Newsletter abbestellen?",
        body=("Ein Druck auf den Knopf, und keiner unserer Newsletter kommt mehr.",),
    ),
    leave_all_button="Alle abbestellen",
    own_address="Es geht um {address}.",
    topics=PageText(
        title="Themen",
        body=(
            "Jede Ausgabe ist eine E-Mail, für alle dieselbe. Sie bekommen sie, wenn etwas zu"
            " mindestens einem der Themen darin steht, die Sie ankreuzen, oder etwas ohne Thema.",
            "Wenn Sie alle ankreuzen oder keines, bekommen Sie jede Ausgabe.",
        ),
    ),
    topics_label="Ausgaben zu diesen Themen",
    topics_changed="Die Themen haben sich inzwischen geändert. Bitte sehen Sie noch einmal nach.",
    topics_chosen="Sie bekommen die Ausgaben, in denen etwas hierzu steht: {topics}.",
    save="Speichern",
    saved="Gespeichert.",
    pause=PageText(
        title="Eine Pause machen",
        body=("Während der Pause kommt keine Ausgabe. Danach kommen sie von selbst wieder.",),
    ),
    pause_label="Wie lange?",
    pause_same="Wie bisher, bis {until}",
    pause_until="Oder bis zu einem Tag Ihrer Wahl, der dann stattdessen gilt",
    pause_fault="Bitte wählen Sie, wie lange, oder einen Tag im nächsten Jahr.",
    weeks="{weeks} Wochen",
    resume="Keine Pause: bitte weiter schicken",
    move=PageText(
        title="Eine andere Adresse nehmen",
        body=(
            "Die neue Adresse bekommt eine E-Mail mit einem Link. Bis sie beantwortet ist, ändert"
            " sich nichts.",
        ),
    ),
    move_label="Neue E-Mail-Adresse",
    move_button="E-Mail schicken",
    move_asked=PageText(
        title="Schauen Sie in das neue Postfach",
        body=(
            "Wenn diese Adresse übernehmen kann, ist eine E-Mail mit einem Link dorthin unterwegs.",
        ),
    ),
    move_many=(
        "Sie haben in kurzer Zeit um mehrere Adressen gebeten. Die letzte E-Mail gilt noch; bitte"
        " versuchen Sie es in einer Stunde wieder."
    ),
    moving=PageText(
        title="Von jetzt an diese Adresse nehmen?",
        body=("Ein Druck auf den Knopf, und Post kommt an die Adresse, an die dieser Link ging.",),
    ),
    moving_button="Ja, diese Adresse",
    moved={
        AddressChangeResult.DONE: PageText(
            title="Erledigt", body=("Von jetzt an kommt Post an diese Adresse.",)
        ),
        AddressChangeResult.ALREADY: PageText(
            title="Schon erledigt",
            body=("Die Adresse wurde schon bestätigt. Es ändert sich nichts.",),
        ),
        AddressChangeResult.TAKEN: PageText(
            title="Diese Adresse steht schon auf der Liste",
            body=(
                "Sie hat ihr eigenes Abonnement. Um das andere zu beenden, melden Sie sich dort"
                " ab.",
            ),
        ),
        AddressChangeResult.LEFT: PageText(
            title="Sie haben sich inzwischen abgemeldet",
            body=("An diese Adresse käme nichts, deshalb hat sich nichts geändert.",),
        ),
        AddressChangeResult.BARRED: PageText(
            title="Sie bekommen keine Post",
            body=(
                "Post an Sie wurde als Spam gemeldet oder von uns gestoppt; eine andere Adresse"
                " ändert daran nichts. Schreiben Sie uns, wenn wir das prüfen sollen.",
            ),
        ),
        AddressChangeResult.GONE: PageText(
            title="Dieser Link ist abgelaufen",
            body=(
                "Er ist zu alt, oder ein anderer Wunsch ist an seine Stelle getreten. Wo Post von"
                " uns ankommt, bitten Sie in den Einstellungen noch einmal darum.",
            ),
        ),
    },
    data="Alles, was wir über Sie speichern, als Datei",
    erase=PageText(
        title="Meine Daten löschen",
        body=(
            "Mit dem Knopf löschen Sie Ihre Adresse und alles, was wir über Sie speichern."
            " Zweierlei bleibt: dass Sie zugestimmt haben und gegangen sind, unter einer Nummer"
            " ohne Namen; und ein Hash Ihrer Adresse, damit keine importierte Liste Sie"
            " zurückholt.",
        ),
    ),
    erase_button="Alles löschen",
    erased=PageText(title="Ihre Daten sind gelöscht", body=("Es kommt nichts mehr.",)),
    to_preferences="Zurück zu den Einstellungen",
    to_sign_up="Zur Anmeldung",
    bad_link=PageText(
        title="Dieser Link geht nicht",
        body=(
            "Vielleicht fehlt ein Stück, oder am Ende steht ein Zeichen zu viel. Kopieren Sie ihn"
            " noch einmal aus der Mail, von „http“ bis zum letzten Buchstaben. Hilft das nicht, ist"
            " die Mail sehr alt: Nehmen Sie den Link aus einer neueren.",
        ),
    ),
    no_newsletter=PageText(
        title="Diesen Newsletter gibt es nicht",
        body=("Vielleicht hieß er früher anders. Auf der Startseite steht, was es gibt.",),
    ),
    to_front="Zur Startseite",
    old_link=PageText(
        title="Dieser Link gilt nicht mehr",
        body=(
            "Er ging an eine Adresse, die seither aufgegeben wurde. Nehmen Sie den Link aus einer"
            " Mail, die an die neue kam.",
        ),
    ),
    unreachable=PageText(
        title="Das ging gerade nicht",
        body=(
            "Bei uns ist etwas gestört. Es hat sich nichts geändert: Bitte versuchen Sie es bald"
            " noch einmal.",
        ),
    ),
    unreachable_mail="Zum Abmelden können Sie auch an {mailto} schreiben.",
    broken=PageText(
        title="Das hat nicht geklappt",
        body=("Der Fehler liegt bei uns. Es hat sich nichts geändert.",),
    ),
    faults=FAULTS,
)
