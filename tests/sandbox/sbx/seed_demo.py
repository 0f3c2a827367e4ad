# SPDX-License-Identifier: MIT
"""Seed `demo`: companies, people, Pages and conversations that look like a working week.

Purpose: screens worth looking at, in English and Japanese, with every kind of content the inbox must show.
Ownership: adds to what seed `small` made. All people and shops are invented. Times count back from now.
Can fail: no; the content is fixed and checked by the self-test.

A conversation is written as lines: `<` the customer says, `>` the Page says, `~N` a pause of N minutes before the
next line, `*emoji` a reaction by the other side to the line before, `@kind` an attachment instead of text.
"""
import json
import random

from . import media, seed
from . import messenger as M

PAGE_D, PAGE_E = "112233445566901", "113344556677889"
PAGE_CLUB, PAGE_OLD, PAGE_MARCHE = "114455667788990", "115566778899001", "116677889900112"
JONAS = "10229482233445566"
MIN, HOUR, DAY = 1, 60, 1440

ATTACH = {"@voice": ("audio", "voice"), "@pdf": ("file", "pdf"), "@sticker": ("sticker", "sticker")}


def load(sb):
    st = sb.st
    _companies(st)
    _pages(st)
    rng = random.Random(20261122)
    for spec in CONVERSATIONS:
        _conversation(st, rng, *spec)
    st.run("UPDATE fb_conv SET blocked=1 WHERE first='Carlos'")
    st.run("UPDATE fb_conv SET no_name=1,profile_error=2018247 WHERE first='' AND last=''")
    st.run("UPDATE fb_conv SET online=0 WHERE first IN ('Olga','Grace','真理')")


def _companies(st):
    seed.company(st, 9000789, "Lumen Stays", "lumen-stays", "DE", "EUR", "premium")
    seed.pd_user(st, 10610001, 9000789, "Jonas Weber", "jonas@lumen.example", True, "en", "DE", "Europe/Berlin", "de_DE")
    seed.pd_user(st, 10610002, 9000789, "Hannah Vogel", "hannah@lumen.example", False, "en", "DE", "Europe/Berlin", "de_DE")
    seed.pd_user(st, 10590002, 9000456, "鈴木 一郎", "ichiro@aozora.example", False, "ja", "JP", "Asia/Tokyo", "ja_JP")
    seed.pd_user(st, 10590003, 9000456, "田中 花子", "hanako@aozora.example", False, "ja", "JP", "Asia/Tokyo", "ja_JP")
    seed.fb_user(st, JONAS, "Jonas Weber", "jonas@lumen.example", "de_DE")


def _pages(st):
    seed.page(st, PAGE_D, "青空花店", "Florist", "#8a3048")
    seed.page(st, PAGE_E, "Lumen Guesthouse", "Guest House", "#9a6d1f")
    seed.page(st, PAGE_CLUB, "Harbour Cycling Club", "Sports Club", "#3d4f9a")
    seed.page(st, PAGE_OLD, "Bramble Rentals (2019)", "Bicycle Shop", "#616975", is_published=0)
    seed.page(st, PAGE_MARCHE, "青空マルシェ", "Market", "#5b6b2f", state="restricted")
    seed.role(st, seed.MARIA, PAGE_CLUB, ["ANALYZE"])
    seed.role(st, seed.MARIA, PAGE_OLD)
    seed.role(st, seed.MISAKI, PAGE_D)
    seed.role(st, seed.MISAKI, PAGE_MARCHE)
    seed.role(st, JONAS, PAGE_E)
    seed.role(st, JONAS, seed.PAGE_A, ["ADVERTISE", "ANALYZE"])


def _conversation(st, rng, page, first, last, locale, ago, text):
    """Write one conversation so that its last line is `ago` minutes old."""
    c = st.one("SELECT * FROM fb_conv WHERE page=? AND first=? AND last=?", page, first, last)
    if c is None:
        c = M.new_conv(st, page, None, first, last, locale=locale, tz={"ja": 9, "fi": 2, "et": 2}.get(locale[:2], 1))
    items = _parse(rng, text)
    now, total = st.clock.now(), sum(i[0] for i in items)
    at = now - (ago + total) * 60_000
    for gap, direction, body, att, emoji in items:
        at += gap * 60_000
        ts = at - rng.randrange(0, 40_000)
        atts = []
        if att:
            kind, sample = ATTACH.get(att) or ("image", att[1:])
            more = {"sticker_id": 369239263222822} if kind == "sticker" else {}
            atts = [M.attachment(st, kind, media.add_sample(st, sample), **more)]
        m = M.add_message(st, c, direction, body, atts, M.PAGE_INBOX_APP if direction == "out" else None, ts=ts)
        if emoji:
            who = c["page"] if direction == "in" else c["psid"]
            name = {"❤️": "love", "👍": "like", "😆": "smile", "😮": "wow", "😢": "sad"}.get(emoji, "other")
            st.run("UPDATE fb_msg SET reactions=? WHERE mid=?", json.dumps({who: {"reaction": name, "emoji": emoji}}, ensure_ascii=False), m["mid"])
    last_out = st.one("SELECT max(ts) AS t FROM fb_msg WHERE conv=? AND dir='out'", c["id"])["t"] or 0
    st.run("UPDATE fb_conv SET delivered=?,seen=? WHERE id=?", last_out, last_out if items[-1][1] == "in" else 0, c["id"])


def _parse(rng, text):
    """Lines -> [(minutes before, direction, text or None, attachment or None, reaction or None)]."""
    out, gap = [], 0
    for line in text.strip().split("\n"):
        line = line.strip()
        if line.startswith("~"):
            gap = int(line[1:])
        elif line.startswith("*"):
            g, d, b, a, _ = out[-1]
            out[-1] = (g, d, b, a, line[1:])
        elif line:
            d, body = ("in" if line[0] == "<" else "out"), line[1:].strip().replace("\\n", "\n")
            g = gap or (rng.randrange(1, 5) if out else 0)
            out.append((g, d, None if body.startswith("@") else body, body if body.startswith("@") else None, None))
            gap = 0
    return out


LONG = """
< Hi! I saw your touring frames. Do you build complete bikes to order?
> Hello Jaan 👋 Yes, we do. What do you have in mind?
< Something steel, for long trips. Fully loaded, gravel roads too.
> Lovely. How tall are you, and what is your inseam?
< 183 cm, inseam 86
> Then you are between 56 and 58. Which bike do you ride now?
< An old 57 randonneur from the nineties
< @bicycle
> What a beauty! The saddle looks well loved 😄
*😆
< 40 000 km and counting
> Then we should copy the saddle position. Could you measure from the bottom bracket to the top of the saddle?
~30
< 76.5 cm
> Perfect. And from the saddle nose to the middle of the handlebar?
< 56 cm
> Thanks. That points to our 57 with a 90 mm stem.
< Sounds right
> Disc brakes or rim brakes?
< Discs. Mechanical if possible, I want to be able to fix them anywhere.
> Good thinking. We use cable discs with full housing.
< And the gears?
> For loaded touring: a wide-range 1×11 or a gear hub. The hub costs more but needs almost nothing.
< How much more?
> About 620 € more.
< Hmm. Let me think about that one
~1300
< Good morning! I slept on it
< I take the gear hub
> Good choice 👍 You will hardly touch it for years.
< Which lights do you fit?
> Hub dynamo, front 80 lux, rear with standlight. All wired inside the fork and the frame.
< 😍
< Can it charge a phone too?
> Yes, we can add a USB charger under the stem. 95 €
< Add it
> Done ✅
< Colours?
> Any from the chart. The favourites this year are moss green, brick and slate.
< Moss green!!
> I hoped you would say that
*❤️
~40
< Would my old panniers fit your racks?
> Which rail diameter do they need?
< No idea, they are from 1998
> Then they clip on 8 to 12 mm, ours are 10 mm. It fits.
< Great
< And mudguards?
> Included, 50 mm, aluminium
< What tyres?
> 47 mm, puncture resistant. 50 is the limit with mudguards.
< 47 is fine
> Then I write the quote. Frame 57, moss green, gear hub, belt or chain?
< Is the belt worth it?
> Quiet, clean, no oil. But carry a spare if you go far from home.
< Where are you going to get a spare belt in Kazakhstan 😅
> Exactly 😄 For that trip: chain.
< Chain then
> Noted.
~600
> Here is your quote, Jaan.
> @pdf
< Thanks! Reading
< Page 1 says 170 mm cranks. I ride 175
> You are right, my mistake. Corrected to 175.
< And delivery?
> Eight weeks after the deposit. The gear hubs arrive in three.
< So before May?
> Yes, end of April at the latest.
< OK. How do I pay the deposit?
> 30 % by transfer, the account is on the quote. Use the number in the corner as reference.
< Done just now
> Received, thank you! 🎉 Your frame is in the queue.
*🎉
~2800
< Hello again, small question
> Of course
< Can you add a second pair of bottle mounts on the fork?
> Yes, before painting it costs nothing.
< You are the best
> Painting is on Thursday, so you asked in time!
~1500
> Look what came out of the paint booth today
> @mountain
< Ha, that is a mountain 😂
> Oops. Wrong picture. Our painter's holiday… One moment
> @bicycle
< WOW
*😮
< That green!
> In the sun it is even nicer.
< I showed it to my wife. She wants one too now.
> We would be happy to 😄 Same frame in 52?
< I will bring her along for the fitting
~900
> The wheels are built. Fitting on Saturday at 11?
< Saturday 11 works
< Shall I bring my pedals?
> Yes please, and the shoes you ride with.
< 👍
< One more: do you take the old bike in part exchange?
> Gladly have a look at it. No promise before we have seen it 🙂
< Fair
> Anything else for now?
< No, see you on Saturday. Thank you for all the patience!
"""

CONVERSATIONS = [
    # Bramble Bikes --------------------------------------------------------------------------------
    (seed.PAGE_A, "Jaan", "Kask", "et_EE", 52, LONG),
    (seed.PAGE_A, "Liisa", "Virtanen", "fi_FI", 4, """
< Hi! Do you have the blue road frame in size 54?
> Hello Liisa! Yes, two left in 54.
< Great 😊 Could I try one this week?
> Of course. Thursday after 15:00, or Friday all day.
< Thursday 16:00?
> Noted: Thursday 16:00. Bring your pedals if you have special ones.
*👍
~70
< One more thing, would my old wheels fit?
< @wheel
< They are 130 mm at the back
"""),
    (seed.PAGE_A, "Emma", "Lindqvist", "sv_SE", 11, """
< Hello, is the cargo bike still available for a test ride?
> It is! With one or two children on board?
< Two 🙈 3 and 5 years
> Then take the long one. Saturday 10:30?
< Perfect, see you then!
< Can they keep their own helmets on in the box?
"""),
    (seed.PAGE_A, "Noah", "Fischer", "de_DE", 95, """
< Guten Tag, order 20418, do you know when it ships?
> Hello Noah, let me look.
> It left our workshop this morning. Tracking follows by mail before 18:00.
< Danke, super schnell!
*❤️
< Could you send me the invoice once more? My accountant lost it
> Here you are.
> @pdf
< Got it 👍
"""),
    (seed.PAGE_A, "Aino", "Mäkelä", "fi_FI", 160, """
< @voice
< Sorry for the voice message, I am on the bike 😄
> No problem! Yes, we can swap the saddle while you wait. Which one do you ride now?
< The narrow one you sold me in spring
> Then come by, we keep three test saddles you may take for a week.
< @sticker
"""),
    (seed.PAGE_A, "Priya", "Shah", "en_GB", 240, """
< Hi there, which helmet size for a head of 56 cm?
> Hello Priya, that is M (54–58).
< Do you have this colour?
< @cake
< Oops, that is my daughter's birthday cake 😂 but yes, exactly that pink!
> What a cake! 🎂 And we have that pink, in M, one piece. Shall I put it aside?
*😆
< Please!! Until Friday
> Done, name Shah, until Friday 18:00.
"""),
    (seed.PAGE_A, "Carlos", "Méndez", "es_ES", 4300, """
< Your prices are a joke
> Hello Carlos, sorry to hear that. Which bike were you looking at?
< Forget it
"""),
    (seed.PAGE_A, "", "", "en_US", 380, """
< hello
< are you open on sunday?
> Hello! On Sundays we are closed, Saturday from 9 to 16.
< ok thx
"""),
    (seed.PAGE_A, "Olga", "Petrova", "et_EE", 11 * DAY, """
< Hello! Do you rent bikes for a weekend?
> Hello Olga, yes: 35 € from Friday evening to Monday morning.
< And two bikes?
> 65 € for two, locks and lights included.
< I will talk to my husband and write again
"""),
    (seed.PAGE_A, "Grace", "O'Connor", "en_IE", 31 * HOUR, """
< Morning! The bottom bracket creaks since the last rain…
> Good morning Grace. Under load only, or also when you turn it by hand?
< Only uphill
> Then it is likely the chainring bolts. Could you come by on Wednesday?
< I could on Wednesday at 8, before work. Does that suit you?
"""),
    # Bramble Repairs ------------------------------------------------------------------------------
    (seed.PAGE_B, "Liisa", "Virtanen", "fi_FI", 33, """
< Hi, it is me again, this time for the repair shop 😊
> Welcome back! What happened?
< Broken spoke, rear wheel. How long does it take?
> A single spoke: while you wait, 20 minutes, 15 €.
< Can I come at 5?
"""),
    (seed.PAGE_B, "Tom", "Becker", "de_DE", 7, """
< Hello, my rear wheel looks like a potato chip
< @wheel
> Ouch! 😬 Did you hit a kerb?
< A tram track…
> We can try to true it. If the rim is cracked it needs a new one, 79 € fitted.
< OK do it, please. Is Monday possible?
> Bring it on Monday before 10, ready on Tuesday.
*👍
< Do you have a bike to lend until then?
"""),
    (seed.PAGE_B, "Marta", "Kowalska", "pl_PL", 130, """
< Good day, how much is a full service?
> Good day Marta! 69 €, with washing. Parts extra, but we call before anything over 20 €.
< And an e-bike?
> 89 €, with the update of the motor.
< I will take it. Thursday?
> Thursday it is. Please bring the key of the battery 🔑
< 👍👍
"""),
    (seed.PAGE_B, "Hugo", "Martin", "fr_FR", 26 * HOUR, """
< Bonjour! Do you repair child trailers?
> Bonjour Hugo! We do, if parts exist. Which make?
< I have to look, it is in the cellar
> Take a picture of the sticker below the seat, that is enough.
< OK, tomorrow. Is the coupling something you have in stock?
"""),
    (seed.PAGE_B, "Kaisa", "Rand", "et_EE", 410, """
> Hello Kaisa, your bike is ready! 🚲
< Yay, that was fast
< How much in the end?
> 46.50 €: two brake cables, pads in front and a bell.
< A bell?
> The old one was rusted solid, the new one is on the house 🔔
*❤️
< You are so kind. I come at 17:30
"""),
    (seed.PAGE_B, "Sven", "Eriksson", "sv_SE", 3 * DAY, """
< Is a puncture repair possible without an appointment?
> Always. 12 € and ten minutes.
< Perfect
"""),
    (seed.PAGE_B, "Yuki", "Tanaka", "en_US", 58, """
< Hello! I am travelling from Japan by bike. My derailleur is broken 😢
> Oh no! Where are you now?
< In front of your shop, but it is closed
> We open at 9:00. If it is urgent, ring the second bell, Anton lives upstairs.
< ありがとう！ Thank you so much 🙏
~45
< He opened! You saved my tour. Is there a café near, while I wait?
"""),
    # あおぞら珈琲 -------------------------------------------------------------------------------------
    (seed.PAGE_C, "健", "高橋", "ja_JP", 3, """
< こんにちは。深煎りのブレンドはまだありますか？
> 高橋様、こんにちは☕ はい、本日焙煎したてがございます。
< 200gを2袋、取り置きお願いできますか。
> かしこまりました。豆のままでよろしいでしょうか。
< 1袋は豆のまま、もう1袋は中挽きでお願いします
> 承知しました。明日の18時までお取り置きいたします。
*👍
< ありがとうございます😊
~25
< すみません、受け取りを明後日に変更できますか？
"""),
    (seed.PAGE_C, "さくら", "山本", "ja_JP", 18, """
< 土曜日の14時に4名で予約したいのですが、空いていますか？
> 山本様、お問い合わせありがとうございます。窓際のお席をご用意できます🌿
< うれしいです！ベビーカーで入れますか？
> はい、入口にスロープがございます。ベビーカーのままどうぞ。
< 助かります。誕生日なのでケーキもお願いできますか？🎂
> もちろんです。こちらのショートケーキはいかがでしょうか。
> @cake
*😮
< かわいい！これにします。プレートに「みおちゃん 1さい」と入れてください
"""),
    (seed.PAGE_C, "由美", "中村", "ja_JP", 75, """
< 先日いただいたエチオピア、香りが素晴らしかったです
> ありがとうございます！ナチュラル製法の豆で、ベリーのような香りが特徴です。
< おうちでも淹れてみました
< @coffee
> とてもきれいに膨らんでいますね👏 お湯の温度は何度くらいですか？
*❤️
< 85度です。もう少し高い方がいいですか？
> 浅煎りなので90度前後にすると、もっと華やかになります。
< やってみます！
"""),
    (seed.PAGE_C, "大輔", "小林", "ja_JP", 190, """
< @voice
< 運転中だったので音声で失礼しました
> お気をつけて🚗 ドリップバッグ50個の見積書をお送りします。
> @pdf
< 確認しました。熨斗は付けられますか
> はい、無料でお付けします。表書きはいかがいたしましょう。
< 「内祝」でお願いします
"""),
    (seed.PAGE_C, "真理", "渡辺", "ja_JP", 9 * DAY, """
< 定休日はいつですか？
> 毎週水曜日と、第3木曜日です。
< ありがとうございます。また伺います
"""),
    (seed.PAGE_C, "翔", "伊藤", "ja_JP", 29 * HOUR, """
< アルバイトの募集はまだしていますか？大学2年です
> ご連絡ありがとうございます。はい、土日どちらか入れる方を探しています。
< 日曜日なら入れます！
> 一度お店でお話ししませんか。履歴書は不要です。
< ぜひお願いします。今週の木曜日の夕方は大丈夫でしょうか
"""),
    (seed.PAGE_C, "Emily", "Carter", "en_US", 46, """
< Hi! Do you have oat milk? And is English OK? 😅
> Hello Emily! Yes and yes 😊 Oat and soy, no extra charge.
*❤️
< Amazing. Do you ship beans overseas?
> To Taiwan and Korea now, more countries from spring.
< 残念！ I will buy some before I fly home then. Are you open on Monday (holiday)?
"""),
    (seed.PAGE_C, "莉子", "松本", "ja_JP", 6 * HOUR, """
< お店に傘を忘れたかもしれません☔ 水色の折りたたみです
> 松本様、お預かりしております！柄に猫の絵がある傘でしょうか。
< それです😭 よかった…
< @cat
< うちの子に似ていて気に入っていて
> かわいいですね🐈 レジでお渡ししますので、お声がけください。
*😆
< 明日の朝に伺います
"""),
    # 青空花店 ---------------------------------------------------------------------------------------
    (PAGE_D, "恵", "加藤", "ja_JP", 22, """
< 母の誕生日に花束をお願いしたいです。予算は5000円くらいです
> 加藤様、ありがとうございます💐 お好きなお色はございますか。
< 母は紫が好きです
> スイートピーとトルコキキョウで、紫と白の花束はいかがでしょうか。
< すてきです！金曜日の午前中に配達できますか？
"""),
    (PAGE_D, "拓也", "吉田", "ja_JP", 100, """
< 開店祝いのスタンド花はいくらからですか？
> 15,000円から承っております。お届け先はどちらでしょうか。
< 駅前の新しいラーメン屋です🍜 土曜オープンで
> でしたら土曜の朝9時までに設置いたします。
< 2基お願いします。札の文字はあとで送ります
"""),
    (PAGE_D, "葵", "佐々木", "ja_JP", 27 * HOUR, """
< 観葉植物の葉が黄色くなってきました。どうしたらいいですか？
> お水のあげすぎかもしれません。土の表面が乾いてから2日待ってみてください。
< 毎日あげていました…
> 大丈夫です、きっと元気になりますよ🌱
< がんばってみます。肥料はあげたほうがいいですか？
"""),
    (PAGE_D, "美穂", "林", "ja_JP", 5 * HOUR, """
< 注文した花束、届きました！とてもきれいでした✨
> 林様、写真を楽しみにしておりました😊
< 友人が泣いて喜んでくれました
*❤️
< @sticker
"""),
    # Lumen Guesthouse -------------------------------------------------------------------------------
    (PAGE_E, "Anna", "Schmidt", "de_DE", 14, """
< Hello, is a room free from 12 to 15 December, two adults?
> Hello Anna! Yes, the garden room, 92 € per night with breakfast.
< Is it quiet? 🙂
> Very. You hear the owls 🦉
*😆
< Then please book it for us. Can we bring a small dog?
"""),
    (PAGE_E, "Liam", "Murphy", "en_IE", 210, """
< Hey, we checked out this morning and I think I left my charger in room 3
> Found it behind the bed! Shall we send it?
< You legend. Yes please, I pay the postage
> It goes out today. No charge, just come back one day 😄
*❤️
< We will! The view was unreal
< @mountain
"""),
    (PAGE_E, "Chloé", "Dubois", "fr_FR", 2 * DAY, """
< Bonjour, do you have a cot for a baby?
> Bonjour Chloé, yes, free of charge. For which dates?
< 3 to 6 January
> Noted. We put it into the room before you arrive.
< Merci beaucoup!
"""),
    (PAGE_E, "直人", "木村", "ja_JP", 40, """
< Hello, my English is small. 駅から歩けますか？
> Hello Mr Kimura! From the station it is 12 minutes on foot. We can also pick you up 🚗
< ありがとうございます。Pick up please. 18:40 train
> We will be there with a sign with your name.
< 助かります！荷物は大きいのが2つです
"""),
]
