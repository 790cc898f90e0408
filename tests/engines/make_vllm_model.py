"""Writes a small random Llama for vLLM: `make_vllm_model.py FOLDER`.

Large enough (about 70 million parameters) that on two cores requests wait for each other, and the
same on every machine. Every token of its vocabulary is a whole word of ASCII: a token whose text is
empty or half a character would reach the client with the next one, and no longer be its own event.
"""

import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = 512


def make_tokenizer():
    vocabulary = {f"w{number}": number for number in range(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def make_model():
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=1024, intermediate_size=2048, num_hidden_layers=8,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=4096,
        bos_token_id=None, eos_token_id=None, pad_token_id=None)
    return LlamaForCausalLM(config).to(torch.bfloat16)


def main(folder):
    make_model().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
