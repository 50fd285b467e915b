"""Sentences that show what a word may mean, written as a visitor would paste them: a sentence a
line, its sense at the end.
"""

from __future__ import annotations

PLAY = """The children play football in the park. | game
We play chess every Sunday. | game
They play cards until midnight. | game
Both teams play their last match tonight. | game
I learned to play the piano as a child. | instrument
She can play the violin beautifully. | instrument
He wants to play the guitar in a band. | instrument
They play the drums far too loud. | instrument
Please play the film from the beginning. | film
The cinema will play the movie at nine. | film
You can play the video on your phone. | film
They play old films on this channel. | film"""

BANK = """I opened an account at the bank. | money
The bank raised its interest rates. | money
She works for a large bank in London. | money
The bank refused to lend us the money. | money
We sat on the bank of the river. | river
The boat drifted towards the bank. | river
Reeds grow along the muddy bank. | river
They fished from the left bank. | river"""

BAE = """배가 항구를 떠났다. | 타는 배
어부들이 배를 타고 바다로 나갔다. | 타는 배
큰 배에서 사람들이 내렸다. | 타는 배
폭풍 때문에 배가 뒤집혔다. | 타는 배
달고 시원한 배를 깎아 먹었다. | 먹는 배
시장에서 사과와 배를 샀다. | 먹는 배
이 배는 즙이 많고 아삭하다. | 먹는 배
추석 선물로 배 한 상자를 받았다. | 먹는 배
점심을 많이 먹어서 배가 부르다. | 몸의 배
어제부터 배가 아프다. | 몸의 배
아기가 배를 깔고 엎드려 있다. | 몸의 배
배가 고파서 잠이 오지 않는다. | 몸의 배"""

NUN = """밤새 눈이 내려 길이 하얗다. | 내리는 눈
아이들이 눈을 뭉쳐 눈사람을 만들었다. | 내리는 눈
산꼭대기에는 아직 눈이 녹지 않았다. | 내리는 눈
눈 때문에 비행기가 뜨지 못했다. | 내리는 눈
그는 눈을 크게 뜨고 나를 바라보았다. | 보는 눈
화면을 오래 봤더니 눈이 피곤하다. | 보는 눈
졸려서 눈이 자꾸 감긴다. | 보는 눈
안경을 벗으면 눈이 잘 보이지 않는다. | 보는 눈"""

MAL = """말이 들판을 힘차게 달린다. | 타는 말
기수가 말을 타고 결승선을 지났다. | 타는 말
목장에서 말에게 당근을 주었다. | 타는 말
제주도에서 말을 타 보았다. | 타는 말
그 사람의 말을 믿을 수 없다. | 하는 말
어머니의 말이 아직도 기억난다. | 하는 말
처음 듣는 말이라 뜻을 모르겠다. | 하는 말
그는 한참 동안 아무 말도 하지 않았다. | 하는 말"""

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("play", PLAY),
    ("bank", BANK),
    ("배", BAE),
    ("눈", NUN),
    ("말", MAL),
)  # word, sentences
