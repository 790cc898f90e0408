// What an engine answered to a scrape, before anybody reads samples in it: the body with its
// content type, what shape that is, and the exposition's text inside it. Used by the parser, the
// dialects and detection. Pure; a Page and a PageText view bytes that the caller keeps alive.
//
// Source: engine survey, sections 0.2 and 26 (`text/plain; version=1.0.0` is the text format with
// other escaping rules, not OpenMetrics).

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leadline {

// A page of 22 MB has been seen (vLLM issue 44691): one label repeated a whole configuration.
inline constexpr std::size_t kMaxPageBytes = 16UL * 1024 * 1024;

struct Page {
  std::string_view body;
  std::string_view content_type;  // as the header spells it; may be empty
  // Header Process-Start-Time-Unix: llama.cpp prints microseconds since boot there. Any unit.
  std::optional<double> process_start = std::nullopt;
};

enum class PageShape : std::uint8_t {
  kText,         // Prometheus text 0.0.4
  kOpenMetrics,  // OpenMetrics 1.0: ends with `# EOF`
  kJsonText,     // one JSON string that holds a text page (llama.cpp b7090 to b7190)
  kJsonArray,    // trtllm-serve: reading it empties it
  kJsonObject,   // an error, a refusal, another API
  kHtml,         // a wrong port
  kEmpty,
};

// By content type, then by content. A text page may hold a `# EOF` comment and stays a text page
// when its content type says so.
[[nodiscard]] PageShape shape_of(const Page& page);

// The exposition's text: the body itself, or what the JSON string held. Views point into it or into
// the body, so keep both.
struct PageText {
  PageShape shape = PageShape::kText;
  std::string_view body;
  std::string decoded;  // kJsonText only

  [[nodiscard]] std::string_view text() const {
    return shape == PageShape::kJsonText ? std::string_view(decoded) : body;
  }
};

// kBadInput where there is no exposition: over the cap, JSON, HTML, empty. The message says which.
[[nodiscard]] Result<PageText> text_of(const Page& page);

}  // namespace leadline
