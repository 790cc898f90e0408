#include "engine/page.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/ascii_case.h"

namespace leadline {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kEndOfPage = "# EOF";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// `{"my.metric",a="b"} 1` is a sample with a quoted name, `{"error":…}` is JSON: after the first
// quoted string comes a colon.
bool is_json_object(std::string_view body) {
  body = body.substr(1);
  const std::size_t quote = body.find_first_not_of(kBlank);
  if (quote == std::string_view::npos || body[quote] != '"') return true;
  std::size_t end = quote + 1;
  while (end < body.size() && body[end] != '"') end += body[end] == '\\' ? 2 : 1;
  if (end >= body.size()) return true;
  const std::size_t next = body.find_first_not_of(kBlank, end + 1);
  return next == std::string_view::npos || body[next] == ':';
}

bool ends_with_end_of_page(std::string_view body) {
  const std::size_t last = body.find_last_not_of(kBlank);
  if (last == std::string_view::npos) return false;
  body = body.substr(0, last + 1);
  return body == kEndOfPage ||
         (body.ends_with(kEndOfPage) && body[body.size() - kEndOfPage.size() - 1] == '\n');
}

PageShape format_of(std::string_view body, std::string_view content_type) {
  if (starts_with_ignoring_case(content_type, "application/openmetrics-text"))
    return PageShape::kOpenMetrics;
  if (starts_with_ignoring_case(content_type, "text/plain")) return PageShape::kText;
  return ends_with_end_of_page(body) ? PageShape::kOpenMetrics : PageShape::kText;
}

Result<PageText> decode_json_text(const Page& page) {
  const auto json = nlohmann::json::parse(page.body, nullptr, /*allow_exceptions=*/false);
  const auto* text = json.get_ptr<const std::string*>();
  if (text == nullptr)
    return fail(Errc::kBadInput, "page begins with a quote and is no JSON string");
  return PageText{PageShape::kJsonText, page.body, *text};
}

}  // namespace

PageShape shape_of(const Page& page) {
  const std::size_t first = page.body.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return PageShape::kEmpty;
  const std::string_view body = page.body.substr(first);
  switch (body.front()) {
    case '[':
      return PageShape::kJsonArray;
    case '{':
      return is_json_object(body) ? PageShape::kJsonObject
                                  : format_of(body, trim(page.content_type));
    case '"':
      return PageShape::kJsonText;
    case '<':
      return PageShape::kHtml;
    default:
      return format_of(body, trim(page.content_type));
  }
}

Result<PageText> text_of(const Page& page) {
  if (page.body.size() > kMaxPageBytes) {
    return fail(Errc::kBadInput, "page of {} bytes is over the cap of {}", page.body.size(),
                kMaxPageBytes);
  }
  const PageShape shape = shape_of(page);
  switch (shape) {
    case PageShape::kJsonText:
      return decode_json_text(page);
    case PageShape::kJsonArray:
      return fail(Errc::kBadInput, "page is a JSON array, no exposition");
    case PageShape::kJsonObject:
      return fail(Errc::kBadInput, "page is a JSON object, no exposition");
    case PageShape::kHtml:
      return fail(Errc::kBadInput, "page is HTML, no exposition");
    case PageShape::kEmpty:
      return fail(Errc::kBadInput, "page is empty");
    default:
      return PageText{shape, page.body, {}};
  }
}

}  // namespace leadline
