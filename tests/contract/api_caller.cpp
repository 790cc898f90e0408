#include "tests/contract/api_caller.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"

namespace leadline::test {
namespace {

// Cuts the first line off `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

}  // namespace

ApiReply parse_reply(std::string_view raw) {
  ApiReply reply;
  const std::string_view first = take_line(raw);
  if (!first.starts_with("HTTP/1.1 ") || first.size() < 12) return reply;
  std::from_chars(first.data() + 9, first.data() + 12, reply.status);
  while (true) {
    const std::string_view line = take_line(raw);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) break;
    reply.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
  }
  reply.body = raw;
  return reply;
}

ApiCaller::ApiCaller(ApiAddress address)
    : address_(std::move(address)),
      client_(
          address_.port,
          {.trusted_pem = address_.certificate_pem, .host = address_.host, .own = address_.own}) {}

bool ApiCaller::wait_for_end() {
  constexpr std::chrono::seconds kPatience{9};  // the client itself gives up after ten
  const SteadyTime start = system_now().steady;
  return client_.read_answer().empty() && system_now().steady - start < kPatience;
}

ApiReply ApiCaller::exchange(const ApiCall& call, std::string_view connection) {
  std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: {}\r\n",
                                    call.method, call.path, connection);
  if (call.with_token) request += fmt::format("Authorization: Bearer {}\r\n", address_.token);
  for (const HttpHeader& header : call.headers) {
    request += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (!call.body.empty()) request += fmt::format("Content-Length: {}\r\n", call.body.size());
  client_.send(request + "\r\n" + call.body);
  return parse_reply(client_.read_answer());
}

}  // namespace leadline::test
