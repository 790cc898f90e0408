#include "sim/sse_reader.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string read_in_pieces(std::string_view text, std::size_t size) {
  SseReader reader;
  int tokens = 0;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(piece.size());
    tokens += reader.feed(piece);
  }
  const auto usage = reader.usage().value_or(StreamUsage{});
  return fmt::format("{} tokens usage {}/{}{}", tokens, usage.prompt_tokens,
                     usage.generation_tokens, reader.done() ? " done" : "");
}

TEST(SseReaderTest, TokensAreEventsWithText) {
  const auto f = [](const std::string& text, std::string_view want) {
    SCOPED_TRACE(text);
    for (const std::size_t size : {1U, 5U, 4096U}) EXPECT_EQ(read_in_pieces(text, size), want);
  };
  const std::string token = "data: {\"choices\":[{\"text\":\" a\"}],\"usage\":null}\n\n";
  const std::string usage =
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";
  f("", "0 tokens usage 0/0");
  f(token + token, "2 tokens usage 0/0");
  f(token + token + usage + "data: [DONE]\n\n", "2 tokens usage 7/2 done");
  f("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n",
    "0 tokens usage 0/0");
  f("data: {\"choices\": [{\"delta\": {\"content\": \"hi\"}}]}\r\n\r\n", "1 tokens usage 0/0");
  f(": a comment\nevent: x\n\n", "0 tokens usage 0/0");
  f("data: {\"text\":\" a\"", "0 tokens usage 0/0");
}

}  // namespace
}  // namespace leadline
