#include "daemon/response_head.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include <fmt/format.h>

namespace leadline {

namespace {

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  std::transform(value.begin(), value.end(), std::back_inserter(head),
                 [](char c) { return (c >= 0 && c < ' ') || c == 0x7f ? ' ' : c; });
  head.append("\r\n");
}

bool has_length(int status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

std::string response_head(const HttpResponse& response, std::string_view date,
                          Connection connection) {
  std::string head;
  head.reserve(256);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 reason_phrase(response.status), date);
  if (!response.content_type.empty()) append_header(head, "Content-Type", response.content_type);
  for (const HttpHeader& header : response.headers) append_header(head, header.name, header.value);
  if (has_length(response.status)) {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n",
                   response.body ? response.body->size() : 0);
  }
  if (connection == Connection::kClose) head.append("Connection: close\r\n");
  if (connection == Connection::kKeepAliveSaid) head.append("Connection: keep-alive\r\n");
  head.append("\r\n");
  return head;
}

std::string http_date(WallTime at) {
  // Not strftime: its names follow the locale.
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace leadline
