"""Invented rows with the fields of the real datasets, and invented answers of a model, for eval_reference.py."""

import pathlib

import lm_eval.tasks
import yaml

TASKS = pathlib.Path(lm_eval.tasks.__file__).parent

OPTIONS = "Which is larger?\nOptions:\n(A) a cup\n(B) a cup of tea\n(C) The U.S. dollar, $5 + ~tax\n(D) Straße"
CHOICE = ["(A)", "(B)", "(D)", "(Z)", "(a)", "B", ": ", ":", "Answer: C", " a cup", "cup of TEA", "the us dollar",
    "$5 + ~tax", "STRASSE", "straße", "\n", " ", ".", "\u3000", "\x1c"]
NUMBER = ["12", "-3", "--", "twenty", " ", "-", "Five", "six", "seventeen", "hundred", "thousand", " and ", "million",
    "eight", "eighty", ", ", "one", "forty", "\n", "nine", "billion", "trillion", "٣", "x"]
# A subtask of BBH, a row, what its answers are mixed from. The last rows are corner cases.
FRAGMENTS = [
    ("boolean_expressions", {"input": "not ( True ) and ( True ) is"}, ["True", "False", "true", " ", "_", "é", "²",
        ".", "\n", "The answer is ", "the answer is ", "not"]),
    ("navigate", {"input": "Take 1 step. Do you return?\nOptions:\n- Yes\n- No"}, ["Yes", "No", "no", "yes", "NO",
        " ", "t", "́", ",", "\n", "The answer: ", "The final answer: ", "The answer is "]),
    ("formal_fallacies", {"input": "All a are b. Valid?"}, ["valid", "invalid", "in", "Valid", " ", "-", ".", "\n",
        "The answer is ", "9", "‿"]),
    ("date_understanding", {"input": OPTIONS}, CHOICE),
    ("snarks", {"input": "Which one?"}, CHOICE),
    ("ruin_names", {"input": "Which one?\n(A) !\n(B) ab \n(C) ab\n(D) a b?"}, ["ab", "a b", " ", "AB", ":", "B",
        "(A)", "!", "x", "\n"]),
    ("dyck_languages", {"input": "Complete: ( [ {"}, ["]", ")", "}", ">", " ", "a", "\n", "<", '"', "(",
        "The answer is ", "."]),
    ("object_counting", {"input": "I have two cars and a cow. How many?"}, NUMBER),
    ("sports_understanding", {"input": 'Is "X dunked" plausible?'}, ["no", "yes", "not plausible", "plausible", "No",
        "YES", "not ", " ", "im", ".", "\n", "Not Plausible"]),
    ("web_of_lies", {"input": "A lies. Does A tell the truth?"}, ["no", "Yes", "tells the truth",
        "does not tell the truth", "is not telling the truth", "is telling the truth", " ", "A ", ".", "\n", "not"]),
    ("word_sorting", {"input": "Sort. List: fox bee ant antler o'hare x-ray"}, ["fox", "bee", "ant", "ant", "antler",
        "o'hare", "x-ray", " ", " ", ", ", "s", "\n", "Fox"]),
]
for words in ["été tee tea", "one 1st two"]:
    FRAGMENTS.append(("word_sorting", {"input": f"Sort. List: {words}"}, words.split() + [" ", ", ", "s", "-"]))

MATH_PARTS = ["\\frac", "1", "2", "{", "}", "\\boxed{", "=", "$", "x", "/", "\\sqrt", "3", " ", "\\text{ ", ".",
    "\\%", "0.5", "\\left", "\\\\n", "\n", "-", "tfrac", "^\\circ"]
AGIEVAL_MATH = [
    "12", "$12$", "x = 12.", "The answer is $\\frac{1}{2}$.", "0.5", "\\boxed{0.5}", "$1/2$", "\\boxed{\\frac12}",
        "\\boxed{\\dfrac 1 2}", "so $x=.5$", "it is 3.5 metres",
    "12\\%", "\\boxed{12", "\\boxed 12", "\\fbox{3} \\boxed{}", "$\\sqrt2$", "$\\sqrt{2}$", "$5\\text{ cm}$", "$5$",
        "$a=b=5$", "no number", "", "=", "$$", "7²", "٣", "$-3/-4$", "$03/4$", "$k=7$", "\\boxed{x=7}",
    "$90^\\circ$", "$90^{\\circ}$", "$\\left( 1, 2 \\right)$", "(1,2)", "$\\frac1$", "$\\frac$", "$\\sqrt$",
        "\\boxed{a\\text{ b}\\text{ c}}", "y=3\\nthen 4", "$1,000$", "$x$ and $y$", "$5.0", "1_0/2", "$\\frac{a}{b}$",
        "\\$12", "$ .5$", "3.5.", "{.5}=.5",
]
GSM8K = [
    "She has 3 + 4 = 7 eggs.\n#### 7", "The answer is 1,234.", "The answer is -5", "#### $1,000.",
        "#### -12.50 and #### 3", "no number here", "", "It costs $1.50. So 2 cost $3.00.", "7",
        "The answer is 18.\n", "the answer is 18.",
    "The answer is 42 apples. The answer is 43!", "#### ", "... so 12, 13 and 14.", "#### 7\n\nQuestion: next",
        "The answer is .,. ok", "answer: ٤٢", "x=-8-9", "####7", "12.",
]
LETTERS = ["A", " B", "c.", "(D)", "\n", "A\nB", "  D  ", "A.", "The answer is A", "", "B \t", "d", "A\u3000"]
COT = ["Let me see. The answer is (B).", "The answer is True.", "the answer is No.",
    "So the answer is 12.\nThe answer is 13.", "The answer: yes", "The final answer: (A) a cup!", "The answer is .",
    "The answer is The answer is valid"]
PLAIN = {
    "truth": ["True", " False", "true", "(True and False) = False", "Untrue"], "yes or no": ["Yes", "No.", "yes, no",
        "NO", "- No"],
    "validity": ["valid", "The argument is invalid.", "Valid", "invalid, valid"], "choice": ["(A)", " (B).", "B",
        "Answer: C", "A cup of tea", "the us dollar $5 + ~tax", "(C) and (D)", "none", ":\x1cB"],
    "brackets": ["] ) }", "The rest is ] )", "} >", ") ) (", "none"], "count": ["7", "There are seven.", "twenty two",
        "Seventy-five", "-12", "I count eight, no nine", "four hundred and five", "none",
        "two million five thousand", "three billion twenty thousand", "five thousand", "two thousand billion",
            "one billion two million three thousand four hundred five", "hundred hundred", "one two three",
            "one two three four five", "one hundred twenty two", "two billion", "four billion and one",
            "one million hundred", "thousand two", "billion million"],
    "plausibility": ["no", "It is not plausible.", "Yes", "plausible", "maybe"], "lies": ["No", "A tells the truth.",
        "She does not tell the truth", "yes"],
    "words": ["ant antler bee fox o'hare x-ray", "fox, bee, ant", "ant\nbee\nbee ant", "none"],
}
KINDS = {
    "boolean_expressions": "truth", "navigate": "yes or no", "causal_judgement": "yes or no",
        "formal_fallacies": "validity", "word_sorting": "words",
    "dyck_languages": "brackets", "object_counting": "count", "multistep_arithmetic_two": "count",
        "sports_understanding": "plausibility", "web_of_lies": "lies",
}  # every other subtask: choice
TARGETS = {"truth": "True False", "yes or no": "Yes No", "validity": "valid invalid", "choice": "(A) (B) (C)",
    "count": "7 22 -12", "plausibility": "no yes", "lies": "No Yes"}


def ANSWERS(task):
    if "gsm8k" in task:
        return GSM8K
    if "mmlu" in task:
        return LETTERS
    if "agieval" in task:
        return AGIEVAL_MATH
    subtask = task.removeprefix("bbh_zeroshot_").removeprefix("bbh_cot_zeroshot_")
    answers = PLAIN[KINDS.get(subtask, "choice")] + COT
    turn = len(subtask) % len(answers)
    return answers[turn:] + answers[:turn]


def fill(rows):
    """Puts splits of rows under (dataset, configuration)."""
    arc(rows)
    mmlu(rows)
    gsm8k(rows)
    bbh(rows)
    agieval(rows)


def arc(rows):
    def row(i):
        texts = [f"a word {i}", "ice", "the second longest of them", "Wärme", "x"][: 3 + i % 3]
        labels = list(["12345", "ABCDE"][i % 2][: len(texts)])
        question = f"Which one is {i}{'?' if i % 2 else '? '}"
        choices = {"text": texts, "label": labels}
        return {"id": f"row{i}", "question": question, "choices": choices, "answerKey": labels[i % len(texts)]}

    test, train = map(row, range(14)), map(row, range(100, 112))
    rows["allenai/ai2_arc", "ARC-Challenge"] = {"test": list(test), "train": list(train)}


def mmlu(rows):
    def row(subject, i):
        question = [f"{subject} {i}?", f"\n  Case {i}:\nwhich? ", f"Ünd {i}\u3000"][i % 3]
        choices = [f"{i}", f"{i + 1}", " both", "neither\n"]
        return {"question": question, "subject": subject, "choices": choices, "answer": (i + len(subject)) % 4}

    files = (TASKS / "mmlu/default").glob("mmlu_*.yaml")
    for n, subject in enumerate(sorted(path.stem.removeprefix("mmlu_") for path in files)):
        count = {"anatomy": 8, "virology": 1}.get(subject, 2 + n % 2)
        dev = range(90, 93 if subject == "anatomy" else 91)
        rows["cais/mmlu", subject] = {"test": [row(subject, i) for i in range(count)], "dev": [row(subject, i) for i in dev]}


def gsm8k(rows):
    golds = ["7", "1,234", "-5", "1000", "3", "18", "42", "2.5", "12", "0"]

    def row(i):
        return {"question": f"What is {i} and {i % 7}?", "answer": f"It is <<{i}+0={i}>>{i}.\n#### {golds[i % len(golds)]}"}

    test, train = map(row, range(len(GSM8K))), map(row, range(200, 240))
    rows["openai/gsm8k", "main"] = {"test": list(test), "train": list(train)}


def bbh(rows):
    inputs = {KINDS.get(task, "choice"): row["input"] for task, row, _ in reversed(FRAGMENTS)}
    for path in sorted((TASKS / "bbh/zeroshot").glob("[a-z]*.yaml")):
        kind = KINDS.get(path.stem, "choice")
        whole = {"words": ["ant antler bee fox o'hare x-ray"], "brackets": ["] ) }", ") )"]}
        targets = whole.get(kind) or TARGETS[kind].split()
        count = 2 + len(path.stem) % 3
        test = [{"input": inputs[kind], "target": targets[i % len(targets)]} for i in range(count)]
        rows["SaylorTwift/bbh", path.stem] = {"test": test}


def agieval(rows):
    for n, path in enumerate(sorted((TASKS / "agieval").glob("*.yaml"))):
        config = yaml.unsafe_load(path.read_text().replace("!function", ""))
        if "dataset_path" not in config:
            continue  # a group
        cloze = path.stem in ("math", "gaokao-mathcloze")
        row, count = (agieval_cloze, 24) if cloze else (agieval_choice, 3 + n % 5)
        rows[config["dataset_path"], None] = {"test": [row(n, i) for i in range(count)]}


def agieval_cloze(_, i):
    return {"query": f"Q: 求 {i}? A: The answer is", "answer": AGIEVAL_MATH[(i * 5) % 20]}


def agieval_choice(n, i):
    query = f"问题 {n}: {i}? A: Among A through D, the answer is"
    choices = ["(A)one", "(B)二二", "(C)three and more", "(D)4"][: 2 + i % 3]
    return {"query": query, "choices": choices, "gold": [[0], [1], [0, 1], [1]][(i + n) % 4]}
