// SseReader counts the tokens of a streamed completion: one per event whose choice has text, and
// exactly, from the final `usage`, where the engine sends one.
//
// Pure, incremental. Not synchronised. Source: the HTML standard §9.2 (lines `data: …`, events end
// with an empty line) and OpenAI's stream of chunks that ends with `data: [DONE]`.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leadline {

struct StreamUsage {
  int prompt_tokens = 0;
  int generation_tokens = 0;
};

class SseReader {
 public:
  // Takes body bytes; returns how many token events they completed.
  int feed(std::string_view bytes);

  [[nodiscard]] bool done() const { return done_; }  // [DONE] was there
  [[nodiscard]] const std::optional<StreamUsage>& usage() const { return usage_; }

 private:
  bool read_line(std::string_view line);

  std::string pending_;  // the line that is not complete; at most 1 MB, then dropped
  bool done_ = false;
  std::optional<StreamUsage> usage_;
};

}  // namespace leadline
