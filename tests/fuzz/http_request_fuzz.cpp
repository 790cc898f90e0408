// Bytes of a hostile client on a connection of the real HttpServer. One server lives for the whole
// process; each input gets connections of its own over loopback, and server and client take turns
// on one thread, so that a run is the same every time.
//
// The oracles: nothing of a malformed request line is handled; the server answers or refuses
// everything it handled, closes every connection, and sees the same requests however the bytes were
// cut; and what a handler saw, written down plainly, is the same request again.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "adapter/metric_query.h"
#include "daemon/asio_loop.h"
#include "daemon/http_server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline::fuzz {
namespace {

using test::RawSocket;

// Small, so that short inputs reach them.
const HttpLimits kLimits = {.header_bytes = 2048, .header_lines = 16, .body_bytes = 1024};
constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kMostPieces = 64;

struct Answer {
  int status = 0;
  bool closes = false;
  std::string body;
};

// What came of one connection.
struct Talk {
  std::vector<HttpRequest> handled;
  std::vector<Answer> answers;  // without 100 Continue
  std::uint64_t refused = 0;
  std::uint64_t abandoned = 0;
};

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

std::size_t length_of(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const std::size_t at = head.find(kName);
  require(at != std::string_view::npos, "an answer says its length");
  std::size_t length = 0;
  std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  return length;
}

// Reads all answers; the k-th belongs to the k-th handled request, one more is a refusal.
std::vector<Answer> answers_in(std::string_view bytes, const std::vector<HttpRequest>& handled) {
  std::vector<Answer> answers;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find("\r\n\r\n");
    require(bytes.starts_with("HTTP/1.1 ") && end != std::string_view::npos, "an answer is whole");
    const std::string_view head = bytes.substr(0, end + 2);
    bytes.remove_prefix(end + 4);
    const int status = test::status_of(head);
    require(status >= 100 && status < 600, "an answer has a status");
    if (status == 100) continue;
    const bool bodiless =
        answers.size() < handled.size() && handled[answers.size()].method == "HEAD";
    const std::size_t length = bodiless ? 0 : length_of(head);
    require(length <= bytes.size(), "an answer's body is whole");
    const bool closes = head.find("\r\nConnection: close\r\n") != std::string_view::npos;
    answers.push_back({status, closes, std::string(bytes.substr(0, length))});
    bytes.remove_prefix(length);
  }
  return answers;
}

class Rig {
 public:
  Rig() {
    auto made = HttpServer::listen(
        loop_, "127.0.0.1", 0,
        [this](const HttpRequest& request, const Respond& respond) { handle(request, respond); },
        kLimits);
    server_ = std::move(made.value());
  }

  // Sends `bytes` in pieces of `piece`, lets the server do what it can after each, and hangs up.
  Talk talk(std::string_view bytes, std::size_t piece) {
    handled_.clear();
    const HttpServerStats before = server_->stats();
    RawSocket client = RawSocket::connect(server_->port());
    while (!bytes.empty()) {
      client.send(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
      loop_.impl().context.poll();
    }
    client.shut_sending();
    finish(before.accepted + 1);
    const HttpServerStats after = server_->stats();
    require(after.requests - before.requests == handled_.size(), "each request is handled once");
    return {.handled = handled_,
            .answers = answers_in(client.read_to_end(), handled_),
            .refused = after.bad_requests - before.bad_requests,
            .abandoned = after.abandoned - before.abandoned};
  }

 private:
  void finish(std::uint64_t accepted) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    const auto over = [&] {
      return server_->stats().accepted == accepted && server_->stats().open_connections == 0;
    };
    while (!over() && std::chrono::steady_clock::now() < deadline)
      loop_.impl().context.run_one_until(deadline);
    require(over(), "a connection that the client ended is closed");
  }

  // Reads the target as the adapter does and answers with the body; `/later` waits a turn.
  void handle(const HttpRequest& request, const Respond& respond) {
    handled_.push_back(request);
    if (const auto target = parse_request_target(request.target)) (void)parse_metric_query(*target);
    auto answer = make_response(200, "text/plain", request.body);
    if (request.target != "/later") return respond(std::move(answer));
    loop_.post([respond, answer = std::move(answer)] { respond(answer); });
  }

  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::vector<HttpRequest> handled_;
};

void require_sound(const HttpRequest& request) {
  require(is_token(request.method), "a method is a token");
  require(!request.target.empty() && is_visible(request.target), "a target has no blanks");
  require(request.headers.size() <= kLimits.header_lines, "headers are few");
  require(request.body.size() <= kLimits.body_bytes, "a body is within its limit");
  for (const auto& [name, value] : request.headers) {
    require(is_token(name), "a header's name is a token");
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
            "a header's value is one line");
  }
}

void require_sound(const Talk& talk) {
  require(talk.answers.size() + talk.abandoned == talk.handled.size() + talk.refused,
          "each request is answered and each refusal is told");
  require(talk.refused <= 1, "a refusal ends the connection");
  for (const HttpRequest& request : talk.handled) require_sound(request);
  for (std::size_t i = 0; i < talk.answers.size(); ++i) {
    const Answer& answer = talk.answers[i];
    const bool refusal = i >= talk.handled.size();
    require(refusal == (answer.status >= 400), "what is handled is 200, a refusal is 4xx or 5xx");
    require(!refusal || answer.closes, "a refusal closes");
    require(refusal || talk.handled[i].method == "HEAD" || answer.body == talk.handled[i].body,
            "an answer belongs to its request");
  }
}

// `token SP target SP HTTP/1.x CRLF`, after empty lines (RFC 9112 §2.2, §3).
bool begins_well(std::string_view bytes) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (line.size() == bytes.size() || first == std::string_view::npos || first == last) return false;
  const std::string_view version = line.substr(last + 1);
  return is_token(line.substr(0, first)) && (version == "HTTP/1.1" || version == "HTTP/1.0") &&
         last > first + 1 && is_visible(line.substr(first + 1, last - first - 1));
}

bool same(const HttpRequest& a, const HttpRequest& b) {
  return a.method == b.method && a.target == b.target && a.body == b.body &&
         std::ranges::equal(a.headers, b.headers, [](const HttpHeader& x, const HttpHeader& y) {
           return x.name == y.name && x.value == y.value;
         });
}

// Refusals may differ: Beast judges a request line at once where it comes whole, and with the end
// of the headers where it comes in pieces, which a client that hangs up before never sends.
bool same_requests(const Talk& a, const Talk& b) {
  return std::ranges::equal(a.handled, b.handled,
                            [](const auto& one, const auto& other) { return same(one, other); });
}

// The request without framing of its sender's: its headers but those, and a Content-Length.
HttpRequest reframed(HttpRequest request) {
  for (const char* name : {"transfer-encoding", "content-length", "expect"}) {
    std::erase_if(request.headers,
                  [&](const HttpHeader& header) { return !header_values({header}, name).empty(); });
  }
  if (request.values_of("host").empty()) request.headers.push_back({"Host", "a"});
  request.headers.push_back({"Content-Length", std::to_string(request.body.size())});
  return request;
}

std::string written(const HttpRequest& request) {
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) text.append(name + ": " + value + "\r\n");
  return text + "\r\n" + request.body;
}

void check_reframed(Rig& rig, const HttpRequest& request) {
  const HttpRequest plain = reframed(request);
  const std::string text = written(plain);
  if (text.size() > kLimits.header_bytes || plain.headers.size() > kLimits.header_lines) return;
  const Talk talk = rig.talk(text, text.size());
  require(talk.handled.size() == 1 && same(talk.handled.front(), plain),
          "a request written plainly is the same request");
}

}  // namespace

void check_input(std::string_view input) {
  static Rig rig;
  if (input.empty()) return;
  const Talk whole = rig.talk(input, input.size());
  require_sound(whole);
  require(whole.handled.empty() || begins_well(input), "a malformed request line is not handled");
  const Talk pieces = rig.talk(input, 1 + input.size() / kMostPieces);
  require_sound(pieces);
  require(same_requests(whole, pieces), "how the bytes were cut changes no request");
  if (!whole.handled.empty()) check_reframed(rig, whole.handled.front());
}

}  // namespace leadline::fuzz
