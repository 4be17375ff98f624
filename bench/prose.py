"""Made-up business prose: varied and repeatable from a seed.

Words follow Zipf's law over a few thousand forms, and recur in fixed phrases as people's do. The text is nobody's.
"""

from __future__ import annotations

import random
import textwrap
from itertools import accumulate

_COMMON = """\
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one
you were all we she there would their will when who him been has more if no out so what up said its about into than
them can only other time new some could these two may first then do any like my now over such our man me even most
made after also did many must before through back years where much your way well down should because each just those
people how too little state good very make world still own see men work long get here between both life being under
never day same another know while last might us great old year off come since against go came right used take three
meeting report budget quarter invoice contract customer supplier delivery schedule draft review approval deadline
forecast margin revenue account payment order project team office manager department agreement proposal estimate
figures attached document spreadsheet slides version comments changes section clause price discount shipment warehouse
stock production design sample test release issue ticket server network access password training holiday travel hotel
flight booking expense receipt audit policy insurance legal tax salary candidate interview position offer start date
week month morning afternoon tomorrow yesterday please thanks regards kindly forward reply discuss confirm update
question answer decision plan option risk cost benefit target result quality process step action item agenda minutes
"""
_ONSETS = "b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sh sl st str t th tr v w"
_VOWELS = "a e i o u ai ea ee oo ou io"
_CODAS = "b ck d f g l ll m n nd ng nt p r rd rt s ss st t x"
_ENDINGS = ("", "", "", "s", "ed", "ing", "er", "ly", "ment", "tion")
_FORMS = 6_000
_PHRASES = 9_000


class Prose:
    """Sentences, paragraphs and names drawn from one vocabulary."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        words = list(dict.fromkeys(_COMMON.split()))
        words += [self._word() for _ in range(_FORMS - len(words))]
        weights = list(accumulate(1.0 / (rank + 3) for rank in range(len(words))))
        self._words = words
        self._weights = weights
        self._phrases = [" ".join(self._draw(source.randint(2, 6))) for _ in range(_PHRASES)]
        self._phrase_weights = list(accumulate(1.0 / (rank + 40) for rank in range(_PHRASES)))

    def paragraph(self) -> str:
        """Return two to six sentences on one line."""
        return " ".join(self.sentence() for _ in range(self._random.randint(2, 6)))

    def paragraphs(self, characters: int) -> list[str]:
        """Return paragraphs of about so many characters together; at least one."""
        found = [self.paragraph()]
        size = len(found[0])
        while size < characters:
            found.append(self.paragraph())
            size += len(found[-1])
        return found

    def sentence(self) -> str:
        """Return one sentence of phrases, single words and now and then a number."""
        source = self._random
        pieces = source.choices(self._phrases, cum_weights=self._phrase_weights, k=source.randint(1, 3))
        pieces.insert(source.randint(0, len(pieces)), " ".join(self._draw(source.randint(1, 4))))
        if source.random() < 0.25:
            pieces.append(f"{source.randint(2, 99_999):,}")
        text = " ".join(pieces)
        return text[0].upper() + text[1:] + source.choice((".", ".", ".", "?", "!"))

    def title(self) -> str:
        """Return a subject line of a few words."""
        return " ".join(self._draw(self._random.randint(2, 6))).capitalize()

    def name(self) -> str:
        """Return a made-up surname or company name."""
        return self._word().capitalize()

    def _draw(self, count: int) -> list[str]:
        return self._random.choices(self._words, cum_weights=self._weights, k=count)

    def _word(self) -> str:
        pick = self._random.choice
        onsets, vowels, codas = _ONSETS.split(), _VOWELS.split(), _CODAS.split()
        syllables = [
            pick(onsets) + pick(vowels) + pick(codas) for _ in range(self._random.choice((1, 1, 2, 2, 3)))
        ]
        return "".join(syllables) + pick(_ENDINGS)


def wrapped(paragraphs: list[str], prefix: str = "") -> list[str]:
    """Return the paragraphs as lines of at most 78 characters, an empty line between them."""
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += textwrap.wrap(paragraph, 78 - len(prefix), break_long_words=False, break_on_hyphens=False)
        lines.append("")
    return [f"{prefix}{line}" for line in lines]
