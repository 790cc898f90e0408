#include "daemon/http_connection.h"

#include <cassert>
#include <iterator>
#include <optional>
#include <utility>

#include <boost/asio/write.hpp>

#include "daemon/answer_parser.h"
#include "daemon/asio_loop.h"
#include "daemon/event_loop.h"

namespace leadline {

using net::error_code;
using net::kAwait;
using net::Task;
using Endpoint = net::asio::ip::tcp::endpoint;

namespace {

constexpr std::size_t kFirstRead = 2048;  // held by each parked long poll
constexpr std::size_t kMaxRead = 64 * 1024;

// A value must not start a header of its own.
void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head.push_back((c >= 0 && c < ' ') || c == 0x7f ? ' ' : c);
  head.append("\r\n");
}

std::string request_head(const HttpUrl& endpoint, const HttpGet& request) {
  std::string head = "GET " + (request.target.empty() ? endpoint.path : request.target);
  head.append(" HTTP/1.1\r\n");
  append_header(head, "Host", authority(endpoint));
  append_header(head, "User-Agent", "leadline/" LEADLINE_VERSION);
  for (const HttpHeader& header : request.headers) append_header(head, header.name, header.value);
  return head.append("\r\n");
}

HttpError failure(HttpFailure kind, std::string text) {
  return {kind, {Errc::kUnavailable, std::move(text)}};
}

HttpError connect_failure(const error_code& error) {
  if (error == net::asio::error::connection_refused) {
    return failure(HttpFailure::kRefused, "connection refused");
  }
  if (error == net::asio::error::connection_reset) {
    return failure(HttpFailure::kReset, "connection reset");
  }
  if (error == net::asio::error::timed_out) {
    return failure(HttpFailure::kTimeout, "connect: timed out");
  }
  return failure(HttpFailure::kUnreachable, "connect: " + error.message());
}

}  // namespace

const char* failure_name(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::kRefused:
      return "refused";
    case HttpFailure::kTimeout:
      return "timeout";
    case HttpFailure::kReset:
      return "reset";
    case HttpFailure::kTooLarge:
      return "too_large";
    case HttpFailure::kBadAnswer:
      return "bad_answer";
    case HttpFailure::kUnreachable:
      return "unreachable";
  }
  return "unknown";
}

// Shared with the coroutine of the request in flight. `serial` says whether that coroutine still
// speaks for anyone: a timeout answers at once and leaves it to end by itself, since getaddrinfo
// cannot be interrupted.
struct HttpConnection::State : std::enable_shared_from_this<State> {
  State(EventLoop& event_loop, HttpUrl url) : loop(event_loop.impl()), endpoint(std::move(url)) {}

  Task<void> run(std::uint64_t mine);
  Task<HttpResult> attempt(std::uint64_t mine);
  Task<std::optional<HttpError>> connect(std::uint64_t mine);
  Task<std::optional<HttpError>> resolve(std::vector<Endpoint>& found);
  Task<HttpResult> exchange(std::uint64_t mine);
  Task<std::optional<HttpError>> read_answer(std::uint64_t mine, net::AnswerParser& parser);
  void watch_deadline();
  void finish(HttpResult result);
  void close();

  EventLoop::Impl& loop;
  const HttpUrl endpoint;
  net::Socket socket{loop.context};
  net::Timer deadline{loop.context};
  HttpGet request;
  std::function<void(HttpResult)> done;
  std::uint64_t serial = 0;
  bool untouched = false;  // no byte of an answer came
};

void HttpConnection::State::close() {
  error_code ignored;
  socket.close(ignored);
}

void HttpConnection::State::finish(HttpResult result) {
  ++serial;
  deadline.cancel();
  if (!result) {
    close();
    result.error().error = result.error().error.with_context("http://" + authority(endpoint));
  }
  std::exchange(done, nullptr)(std::move(result));
}

void HttpConnection::State::watch_deadline() {
  deadline.expires_after(request.timeout);
  deadline.async_wait([self = weak_from_this(), mine = serial](const error_code&) {
    const auto state = self.lock();
    if (!state || state->serial != mine) return;
    const auto text =
        fmt::format("no complete answer within {} ms", state->request.timeout.count());
    state->finish(tl::unexpected<HttpError>(failure(HttpFailure::kTimeout, text)));
  });
}

Task<void> HttpConnection::State::run(std::uint64_t mine) {
  const bool reused = socket.is_open();
  HttpResult result = co_await attempt(mine);
  if (serial != mine) co_return;
  const bool closed_before = !result && result.error().failure == HttpFailure::kReset && untouched;
  if (reused && closed_before) {
    close();
    result = co_await attempt(mine);
    if (serial != mine) co_return;
  }
  finish(std::move(result));
}

Task<HttpResult> HttpConnection::State::attempt(std::uint64_t mine) {
  if (!socket.is_open()) {
    auto problem = co_await connect(mine);
    if (problem) co_return tl::unexpected<HttpError>(std::move(*problem));
  }
  co_return co_await exchange(mine);
}

Task<std::optional<HttpError>> HttpConnection::State::resolve(std::vector<Endpoint>& found) {
  error_code error;
  const auto address = net::asio::ip::make_address(endpoint.host, error);
  if (!error) {
    found.emplace_back(address, endpoint.port);
    co_return std::nullopt;
  }
  net::Resolver resolver(loop.executor());
  auto [failed, entries] =
      co_await resolver.async_resolve(endpoint.host, std::to_string(endpoint.port), kAwait);
  if (failed) {
    co_return failure(HttpFailure::kUnreachable,
                      fmt::format("resolve {}: {}", endpoint.host, failed.message()));
  }
  for (const auto& entry : entries) found.push_back(entry.endpoint());
  co_return std::nullopt;
}

Task<std::optional<HttpError>> HttpConnection::State::connect(std::uint64_t mine) {
  std::vector<Endpoint> candidates;
  auto unresolved = co_await resolve(candidates);
  if (unresolved) co_return unresolved;
  auto problem = failure(HttpFailure::kUnreachable, "the name has no address");
  for (const Endpoint& candidate : candidates) {
    if (serial != mine) break;
    close();
    const auto [error] = co_await socket.async_connect(candidate, kAwait);
    if (!error) {
      error_code ignored;
      socket.set_option(net::asio::ip::tcp::no_delay(true), ignored);
      co_return std::nullopt;
    }
    problem = connect_failure(error);
  }
  // Whoever came last may own the socket by now; only our own failure closes it.
  if (serial == mine) close();
  co_return problem;
}

Task<HttpResult> HttpConnection::State::exchange(std::uint64_t mine) {
  untouched = true;
  const auto lost = [](const error_code& error) {
    const bool end = error == net::asio::error::eof;
    return tl::unexpected<HttpError>(failure(
        HttpFailure::kReset, end ? "connection closed before the answer" : error.message()));
  };
  const std::string head = request_head(endpoint, request);
  const auto [error, written] =
      co_await net::asio::async_write(socket, net::asio::buffer(head), kAwait);
  if (error) co_return lost(error);
  const SteadyTime sent_at = system_now().steady;

  net::AnswerParser parser(request.body_limit);
  auto problem = co_await read_answer(mine, parser);
  if (problem) co_return tl::unexpected<HttpError>(std::move(*problem));
  if (serial == mine && !parser.keep_alive()) close();
  HttpAnswer answer = std::move(parser.answer());
  answer.sent_at = sent_at;
  answer.received_at = system_now().steady;
  co_return answer;
}

Task<std::optional<HttpError>> HttpConnection::State::read_answer(std::uint64_t mine,
                                                                  net::AnswerParser& parser) {
  std::string input;
  std::size_t room = kFirstRead;
  while (!parser.done()) {
    const std::size_t had = input.size();
    input.resize(had + room);
    const auto [error, size] =
        co_await socket.async_read_some(net::asio::buffer(input.data() + had, room), kAwait);
    if (serial != mine) co_return failure(HttpFailure::kTimeout, "nobody waits any more");
    input.resize(had + size);
    if (size == room) room = std::min(room * 4, kMaxRead);
    untouched = untouched && size == 0;
    if (error) {
      parser.feed_end();
      if (parser.done() && error == net::asio::error::eof) break;
      co_return failure(HttpFailure::kReset, error == net::asio::error::eof
                                                 ? "connection closed before the answer's end"
                                                 : error.message());
    }
    if (auto problem = parser.feed(input)) co_return problem;
  }
  if (!input.empty()) close();  // bytes after the answer: this peer and we disagree on framing
  co_return std::nullopt;
}

HttpConnection::HttpConnection(EventLoop& loop, HttpUrl endpoint)
    : state_(std::make_shared<State>(loop, std::move(endpoint))) {}

HttpConnection::~HttpConnection() {
  ++state_->serial;
  state_->done = nullptr;
  state_->deadline.cancel();
  state_->close();
}

void HttpConnection::get(HttpGet request, std::function<void(HttpResult)> done) {
  assert(!state_->done);
  state_->request = std::move(request);
  state_->done = std::move(done);
  const std::uint64_t mine = ++state_->serial;
  state_->watch_deadline();
  net::start(state_->loop, [state = state_, mine] { return state->run(mine); });
}

}  // namespace leadline
