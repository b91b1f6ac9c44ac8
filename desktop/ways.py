"""What to do in the window where the engine's errors name a command. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.language import tr


def in_the_window(text: str) -> str:
    """A text of the engine in the window's language.

    Args:
        text: The template; the places that it fills may be filled in what is returned.
    """
    return ways().get(text) or tr(text)


def ways() -> Mapping[str, str]:
    """The engine's texts that send to the command line, and what the window says instead."""
    return {
        "See its log with: bakeoff job logs {job}. Then resume it with: bakeoff job resume {job}": tr(
            "See why under Jobs with Show log. Then press Try again: it goes on from its last checkpoint."
        ),
        "The log has the details: bakeoff job logs {job}": tr("Show log under Jobs has the details."),
        "Continue it with: bakeoff job resume {job}": tr("Press Continue or Try again under Jobs."),
        "See the jobs with: bakeoff job list": tr("Jobs shows those that there are."),
        "Convert the model's own folder (bakeoff export {model} OUT --as merged), with its tokenizer.": tr(
            "Write the model as a folder of its own, and convert that with its tokenizer."
        ),
        "Make it with: bakeoff export {name} FILE --as gguf --quant {quantisation}": tr(
            "Make it under Models: select {name}, then Export GGUF, as {quantisation}."
        ),
        "Make it with: bakeoff export {model} FILE --as gguf --quant {quantisation}": tr(
            "Make it under Models: select {model}, then Export GGUF, as {quantisation}."
        ),
        "Choose another name, or replace a file with --force.": tr("Choose another name."),
        "Make it first with: bakeoff export {model} FILE --as gguf": tr(
            "Make it under Models: select {model}, then Export GGUF."
        ),
        "Choose another --port, or leave it out to take a free one.": tr(
            "Choose another port, or let a free one be taken."
        ),
        "Add it with: bakeoff endpoint add {endpoint} --base-url URL": tr(
            "Add the endpoint {endpoint} in Settings."
        ),
        "Let it answer first, with: bakeoff generate --model {name} --dataset DATASET. Known: {known}.": tr(
            "Let it answer first: Compare, Answer and judge. Known: {known}."
        ),
        "Check the key in the environment, or store it again with: bakeoff key set {name}": tr(
            "Check the key in the environment, or store the one of {name} again in Settings."
        ),
        "See what it offers with: bakeoff endpoint test {name}": tr(
            "See what it offers in Settings, with the test of {name}."
        ),
        "Give a name such as MY_API_KEY, or store the key with: bakeoff key set {name}": tr(
            "Give a name such as MY_API_KEY, or store the key of {name} in Settings."
        ),
        "Give the plain address, and store the key with: bakeoff key set {name}": tr(
            "Give the plain address, and store the key of {name} in Settings."
        ),
        "Add one with: bakeoff model add": tr("Add one under Models."),
        "Add it again with: bakeoff model add": tr("Add it again under Models."),
        "Add it with 'bakeoff model add' first, which converts it.": tr(
            "Add it under Models first, which converts it."
        ),
        "Give its folder, or add it first with 'bakeoff model add'.": tr(
            "Give its folder, or add it under Models first."
        ),
        "Name a base of the study, or add the model first with: bakeoff model add": tr(
            "Name a base of the study, or add the model under Models first."
        ),
        "Let them answer the same dataset first: bakeoff generate": tr(
            "Let them answer the same dataset first: Compare, Answer and judge."
        ),
        "Use: bakeoff vote --dataset D --contestants A,B": tr("Let people judge under Vote."),
        "Let a judge compare answers first, with: bakeoff judge --dataset {name} --contestants A,B": tr(
            "Let a judge compare the answers to {name} first: Compare, Answer and judge."
        ),
        "Make the merge with bakeoff merge and export that, or take q4_k_m.": tr(
            "Make the merge under Merge and export that, or take q4_k_m."
        ),
        "Wait until it is finished: bakeoff study status {name}": tr(
            "Wait until it is finished: Study shows {name} and how far it is."
        ),
        "See what it found with: bakeoff study report {name}": tr("See what {name} found under Study."),
        "Import each of them with: bakeoff dataset import FILE --name NAME": tr(
            "Import each of them under Datasets."
        ),
        "Make a new one with write access, and store it with: bakeoff key set huggingface": tr(
            "Make a new one with write access, and store it in Settings."
        ),
        "Set the environment variable {variable}, or store one with write access with: bakeoff key set {name}": tr(
            "Store one with write access in Settings, or set the environment variable {variable}."
        ),
        "Set the environment variable {variable}, or store it with: bakeoff key set {name}": tr(
            "Store it in Settings, or set the environment variable {variable}."
        ),
        "Make one with: bakeoff release MODEL FOLDER": tr(
            "Make one with Release, on a study's page or under Models."
        ),
        "Leave out --format, or map only system and split.": tr(
            "Leave the form to Bakeoff, or map only system and split."
        ),
        "Say which they are, for example: --map prompt={asked} --map completion={answered}": tr(
            "Say which column is which: choose {asked}, {answered} or others in the import."
        ),
        "No example has an instruction; one line with --system says what is wanted, also to untuned models.": tr(
            "No example has an instruction; one line as the system message of the import says what is wanted, "
            "also to untuned models."
        ),
        "Only {count} examples have a system message; --system gives one to the others.": tr(
            "Only {count} examples have a system message; the one of the import is given to the others."
        ),
        "Check that it is the right file, and name its form with --format or its columns with --map.": tr(
            "Check that it is the right file, and choose its form or its columns in the import."
        ),
        "More than half is too many to leave out: correct the file, or check --format and --map.": tr(
            "More than half is too many to leave out: correct the file, or check form and columns in the import."
        ),
        "Use --map ROLE=COLUMN with one of: {known}.": tr("Choose columns for these only: {known}."),
        "Add --map {missing}=COLUMN.": tr("Choose a column for {missing} as well."),
        "Import it with a larger --test-share.": tr("Import it with a larger share for the test."),
        "Name a dataset with training examples by --dataset.": tr("Choose a dataset with training examples."),
        "Name a dataset by --dataset, or take a quantisation that does without, such as q4_k_m.": tr(
            "Choose a dataset, or take a quantisation that does without, such as q4_k_m."
        ),
        "Take --as gguf and run the file with llama.cpp, which reads the model's own template from it.": tr(
            "Take the GGUF file alone and run it with llama.cpp, which reads the model's own template from it."
        ),
        "Name a dataset with training examples by --dataset to measure it, or take q4_k_m.": tr(
            "Choose a dataset with training examples to measure it, or take q4_k_m."
        ),
        "Export it with --as merged or --as gguf.": tr(
            "Export it as a GGUF file, or release it with its safetensors."
        ),
        "Run the same command again later.": tr("Try again later."),
        "Add credit there, then run the same command again; nothing paid for is asked twice.": tr(
            "Add credit there, then try again; nothing paid for is asked twice."
        ),
        "Check the network and the URL, then run the same command again.": tr(
            "Check the network and the address, then try again."
        ),
        "--key-env takes the name of an environment variable, and this is none.": tr(
            "The key's environment variable needs a name, and this is none."
        ),
        "Say how much may be spent at most, with --budget-usd X (or budget_usd in a study's file).": tr(
            "Say how much may be spent at most."
        ),
        'Set it in prices.json in the workspace folder, in USD per million tokens: {{"{model}": {{"input": '
        '1.0, "output": 2.0}}}} (0 for a model that is free).': tr(
            "Set a price for {model} in Settings, under Endpoints and prices (0 for a model that is free)."
        ),
        "Import it with a larger --test-share or --dev-share.": tr(
            "Import it with a larger share for the test or for choosing."
        ),
        "Ask again: it is started anew. If it stays so, export the model again, or take a smaller --context.": tr(
            "Ask again: it is started anew. If it stays so, export the model again, or take a smaller context."
        ),
        "Name one with --model.": tr("Choose one."),
        "Free some space, for example by emptying the trash, or lower the limit in the settings "
        "(least_free_gb); then start it again.": tr(
            "Free some space, for example by emptying the trash, or lower the limit in Settings, under Jobs and "
            "network; then start it again."
        ),
        "Free some space and give the same command again; nothing that was finished is lost.": tr(
            "Free some space and press Try again; nothing that was finished is lost."
        ),
        "Name it in --contestants as well.": tr("Let it take part as well."),
        "Name them with --contestants A,B": tr("Choose two at least."),
        "Name another contestant, or another judge with --judge.": tr(
            "Choose another contestant, or another judge."
        ),
        "the one asked last of {count}; --judge names another": tr(
            "the one asked last of {count}; another one can be chosen"
        ),
        "Say whose verdicts count, with --judge.": tr("Choose whose verdicts count."),
        "Judge without --batch.": tr("Leave out the batches."),
        "Judge with a model instead: --judge openai:MODEL": tr("Let a model judge instead."),
        "Free some space on that disk and give the same command again.": tr(
            "Free some space on that disk and press Try again."
        ),
        "Check the network and give the same command again; what is already here is kept.": tr(
            "Check the network and press Try again; what is already here is kept."
        ),
        "Export it with --as merged, add that folder as a model, and take this one.": tr(
            "Release it with its safetensors, add that folder as a model, and take this one."
        ),
        "Add --public, or push to another name.": tr(
            "Choose that everybody may see it, or push to another name."
        ),
        "Check the network and give the same command again; what has arrived is not sent again.": tr(
            "Check the network and press Try again; what has arrived is not sent again."
        ),
        "Name another study, or leave --study out.": tr("Choose another study, or none."),
        "Install LM Studio and start it once, or leave --install lmstudio out.": tr(
            "Install LM Studio and start it once, or do not choose it."
        ),
        "Install Ollama, or leave --install ollama out.": tr("Install Ollama, or do not choose it."),
        "Run its GGUF file with llama.cpp, or release the model with --quant q4_k_m.": tr(
            "Run its GGUF file with llama.cpp, or release the model as q4_k_m."
        ),
        "See that Ollama is running (ollama serve), then give the same command again.": tr(
            "See that Ollama is running (ollama serve), then try again."
        ),
        "Release the model with --quant q4_k_m.": tr("Release the model as q4_k_m."),
        "Name a quantisation, or leave --no-safetensors out.": tr(
            "Choose a quantisation, or the safetensors."
        ),
        "Name a folder that you can write to with --workspace.": tr("Choose a folder that you can write to."),
        "Give another --name, or remove the old one first.": tr(
            "Give another name, or remove the old one first."
        ),
    }
