"""The words of the demonstration, in the four languages where it matters."""

from __future__ import annotations

Text = str | tuple[str, str, str, str]


def localized(text: Text) -> dict[str, str]:
    """A text by language; a plain one is English only, and the site falls back to it."""
    return {"en": text} if isinstance(text, str) else dict(zip(("en", "de", "fr", "ja"), text, strict=True))


PAST: tuple[tuple[str, str, Text, tuple[tuple[str, Text], ...], Text | None], ...] = (
    (
        "backups",
        "partial_outage",
        (
            "Mail backups delayed by provider throttling",
            "E-Mail-Sicherungen durch Drosselung beim Anbieter verzögert",
            "Sauvegardes de courriels ralenties par le fournisseur",
            "プロバイダーの制限によりメールのバックアップが遅延",
        ),
        (
            (
                "investigating",
                (
                    "Some mailboxes are backed up later than scheduled.",
                    "Einige Postfächer werden später als geplant gesichert.",
                    "Certaines boîtes sont sauvegardées plus tard que prévu.",
                    "一部のメールボックスのバックアップが予定より遅れています。",
                ),
            ),
            (
                "identified",
                "The provider answers many requests with *429 Too Many Requests*. We have lowered our rate.",
            ),
            ("monitoring", "The backlog is shrinking; the oldest mailbox waits 40 minutes."),
            (
                "resolved",
                (
                    "All mailboxes are on schedule again.",
                    "Alle Postfächer sind wieder im Zeitplan.",
                    "Toutes les boîtes sont de nouveau à l'heure.",
                    "すべてのメールボックスが予定どおりに戻りました。",
                ),
            ),
        ),
        "## What happened\n\nThe provider lowered a limit that all our workers shared; our retries made it worse.\n\n"
        "## What we changed\n\n- The first refusal now closes the whole pool until the time the provider names.\n"
        "- Retries take from the same budget as first attempts.\n",
    ),
    (
        "restores",
        "degraded_performance",
        (
            "Downloads start slowly",
            "Downloads beginnen langsam",
            "Les téléchargements démarrent lentement",
            "ダウンロードの開始が遅い",
        ),
        (
            ("investigating", "Large downloads wait several minutes before they begin."),
            ("identified", "One storage node was overloaded; its work is being moved."),
            ("resolved", "Downloads begin at once again."),
        ),
        None,
    ),
    (
        "website",
        "major_outage",
        ("Sign-in not possible", "Anmeldung nicht möglich", "Connexion impossible", "サインインできません"),
        (
            (
                "investigating",
                (
                    "Nobody can sign in at the moment. Backups go on.",
                    "Zurzeit kann sich niemand anmelden. Sicherungen laufen weiter.",
                    "Personne ne peut se connecter. Les sauvegardes continuent.",
                    "現在サインインできません。バックアップは継続しています。",
                ),
            ),
            ("identified", "A certificate was renewed with a missing name."),
            ("resolved", "Sign-in works again."),
        ),
        None,
    ),
    (
        "backups",
        "degraded_performance",
        "QuickBooks backups fail for some companies",
        (
            ("investigating", "Tokens of some companies are refused."),
            ("monitoring", "The tokens are accepted again; we watch the next round."),
            ("resolved", "All companies were backed up."),
        ),
        None,
    ),
)
TEMPLATE = (
    localized(
        (
            "A provider is slow",
            "Ein Anbieter ist langsam",
            "Un fournisseur est lent",
            "プロバイダーの応答が遅い",
        )
    ),
    localized(
        (
            "A provider answers slowly. Backups are late, none is lost.",
            "Ein Anbieter antwortet langsam. Sicherungen verspäten sich, keine geht verloren.",
            "Un fournisseur répond lentement. Des sauvegardes sont en retard, aucune n'est perdue.",
            "プロバイダーの応答が遅くなっています。バックアップは遅れますが、失われることはありません。",
        )
    ),
)
MAINTENANCE = (
    localized(
        ("Storage upgrade", "Erneuerung des Speichers", "Mise à niveau du stockage", "ストレージの更新")
    ),
    localized(
        (
            "Restores and downloads wait for up to ten minutes. Backups go on.",
            "Wiederherstellungen und Downloads warten bis zu zehn Minuten. Sicherungen laufen weiter.",
            "Restaurations et téléchargements attendent jusqu'à dix minutes. Les sauvegardes continuent.",
            "復元とダウンロードは最大10分待ちになります。バックアップは継続します。",
        )
    ),
)
OPEN = (
    localized(
        (
            "Drive backups are late",
            "Laufwerk-Sicherungen verspätet",
            "Sauvegardes de fichiers en retard",
            "ドライブのバックアップが遅延",
        )
    ),
    localized(
        (
            "Drive backups run up to two hours late. No data is lost; we are looking into it.",
            "Laufwerk-Sicherungen laufen bis zu zwei Stunden verspätet. Es gehen keine Daten verloren; "
            "wir untersuchen die Ursache.",
            "Les sauvegardes de fichiers ont jusqu'à deux heures de retard. Aucune donnée n'est perdue ; "
            "nous cherchons la cause.",
            "ドライブのバックアップが最大2時間遅れています。データの損失はありません。原因を調査しています。",
        )
    ),
)
