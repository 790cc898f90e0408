"""Writes a small random Llama for llama.cpp: `make_llamacpp_model.py FILE.gguf`.

Large enough (about 70 million parameters, 300 MB) that on two cores requests wait for each other,
and the same on every machine.
"""

import sys

import gguf
import numpy

WIDTH, BLOCKS, FEED_FORWARD, HEADS, KV_HEADS, WORDS = 1024, 8, 2048, 4, 2, 512
HEAD = WIDTH // HEADS


def add_tokenizer(writer):
    """Llama's SentencePiece layout: three specials, the 256 bytes, then words."""
    kind = gguf.TokenType
    tokens = [("<unk>", kind.UNKNOWN), ("<s>", kind.CONTROL), ("</s>", kind.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", kind.BYTE) for byte in range(256)]
    tokens += [(chr(code), kind.NORMAL) for code in range(33, 127)]
    tokens += [(f"\u2581w{number}", kind.NORMAL) for number in range(WORDS - len(tokens))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([-float(number) for number in range(WORDS)])
    writer.add_token_types([int(kind_of) for _, kind_of in tokens])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def add_sizes(writer):
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HEAD)
    writer.add_vocab_size(WORDS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def add_tensors(writer):
    random = numpy.random.default_rng(7)

    def matrix(name, rows, columns):
        values = random.standard_normal((rows, columns), dtype=numpy.float32)
        writer.add_tensor(f"{name}.weight", values * numpy.float32(0.02))

    def norm(name):
        writer.add_tensor(f"{name}.weight", numpy.ones(WIDTH, dtype=numpy.float32))

    matrix("token_embd", WORDS, WIDTH)
    matrix("output", WORDS, WIDTH)
    norm("output_norm")
    for block in range(BLOCKS):
        at = f"blk.{block}."
        norm(at + "attn_norm")
        matrix(at + "attn_q", WIDTH, WIDTH)
        matrix(at + "attn_k", KV_HEADS * HEAD, WIDTH)
        matrix(at + "attn_v", KV_HEADS * HEAD, WIDTH)
        matrix(at + "attn_output", WIDTH, WIDTH)
        norm(at + "ffn_norm")
        matrix(at + "ffn_gate", FEED_FORWARD, WIDTH)
        matrix(at + "ffn_up", FEED_FORWARD, WIDTH)
        matrix(at + "ffn_down", WIDTH, FEED_FORWARD)


def main(path):
    writer = gguf.GGUFWriter(path, "llama")
    add_sizes(writer)
    add_tokenizer(writer)
    add_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
