#include "daemon/stream_connection.h"

#include <cassert>
#include <utility>
#include <vector>

#include <boost/asio/write.hpp>

#include "daemon/asio_loop.h"

namespace leadline {

using net::error_code;
using net::kAwait;
using net::Task;
using Endpoint = net::asio::ip::tcp::endpoint;
using Step = StreamCipher::Step;

constexpr std::size_t kReadSize = 16 * 1024;  // a whole TLS record: nothing stays in the cipher

// Shared with the coroutine of the exchange in flight. `serial` says whether that coroutine still
// speaks for anyone: a timeout answers at once and leaves it to end by itself, since getaddrinfo
// cannot be interrupted.
struct StreamConnection::State : std::enable_shared_from_this<State> {
  State(EventLoop& event_loop, std::string name, std::uint16_t number, MakeCipher make, MayDial may)
      : loop(event_loop.impl()),
        host(std::move(name)),
        port(number),
        make_cipher(std::move(make)),
        may_dial(std::move(may)) {}

  // `mine`: the exchange that a coroutine works for. When another has begun they return at once,
  // with a result that nobody reads.
  Task<void> run(std::uint64_t mine);
  Task<Result<void>> attempt(std::uint64_t mine);
  Task<Result<std::vector<Endpoint>>> resolve();
  Task<Result<void>> connect(std::uint64_t mine);
  Task<Result<void>> agree_on_cipher(std::uint64_t mine);
  Task<Result<void>> send(std::uint64_t mine, std::string bytes);
  Task<Result<std::string>> receive(std::uint64_t mine);
  Task<Result<void>> receive_input(std::uint64_t mine);
  Task<Result<std::string>> receive_plain(std::uint64_t mine);
  Task<Result<void>> read_answer(std::uint64_t mine);
  void watch_deadline();
  void finish(Result<void> result);
  void close();

  EventLoop::Impl& loop;
  const std::string host;
  const std::uint16_t port;
  const MakeCipher make_cipher;          // nullptr: plain TCP
  const MayDial may_dial;                // nullptr: every address
  std::unique_ptr<StreamCipher> cipher;  // of the open connection
  bool resolving = false;
  net::Socket socket{loop.context};
  net::Timer deadline{loop.context};
  StreamExchange wanted;
  std::function<void(Result<void>)> done;
  std::uint64_t serial = 0;
};

void StreamConnection::State::close() {
  error_code ignored;
  socket.close(ignored);
  cipher.reset();
}

void StreamConnection::State::finish(Result<void> result) {
  ++serial;
  deadline.cancel();
  if (!result) close();
  std::exchange(done, nullptr)(std::move(result));
}

void StreamConnection::State::watch_deadline() {
  deadline.expires_after(wanted.timeout);
  deadline.async_wait([self = weak_from_this(), mine = serial](const error_code&) {
    const auto state = self.lock();
    if (!state || state->serial != mine) return;
    state->finish(
        fail(Errc::kUnavailable, "no complete answer within {} ms", state->wanted.timeout.count()));
  });
}

Task<void> StreamConnection::State::run(std::uint64_t mine) {
  Result<void> result = co_await attempt(mine);
  if (serial == mine) finish(std::move(result));
}

Task<Result<void>> StreamConnection::State::attempt(std::uint64_t mine) {
  if (!socket.is_open()) {
    auto connected = co_await connect(mine);
    if (!connected || serial != mine) co_return connected;
  }
  std::string bytes = std::move(wanted.bytes);
  const bool ciphered = cipher == nullptr || cipher->write(bytes) == Step::kDone;
  if (!ciphered) co_return fail(Errc::kUnavailable, "TLS: {}", cipher->problem());
  if (cipher != nullptr) bytes = std::exchange(cipher->output(), {});
  auto sent = co_await send(mine, std::move(bytes));
  if (!sent || serial != mine) co_return sent;
  co_return co_await read_answer(mine);
}

// A name server that hangs is asked once at a time: Asio's one resolving thread serves all.
Task<Result<std::vector<Endpoint>>> StreamConnection::State::resolve() {
  error_code error;
  const auto address = net::asio::ip::make_address(host, error);
  if (!error) co_return std::vector<Endpoint>{Endpoint(address, port)};
  if (resolving) co_return fail(Errc::kUnavailable, "resolve {}: no answer yet", host);
  resolving = true;
  net::Resolver resolver(loop.executor());
  auto [failed, entries] = co_await resolver.async_resolve(host, std::to_string(port), kAwait);
  resolving = false;
  if (failed) co_return fail(Errc::kUnavailable, "resolve {}: {}", host, failed.message());
  std::vector<Endpoint> found;
  for (const auto& entry : entries) {
    found.push_back(entry.endpoint());
    if (!may_dial) continue;
    const auto allowed = may_dial(entry.endpoint().address().to_string());
    if (!allowed) co_return fail(allowed.error().with_context("resolve " + host));
  }
  co_return found;
}

Task<Result<void>> StreamConnection::State::connect(std::uint64_t mine) {
  const auto candidates = co_await resolve();
  if (!candidates) co_return fail(candidates.error());
  Result<void> problem = fail(Errc::kUnavailable, "the name has no address");
  for (const Endpoint& candidate : *candidates) {
    if (serial != mine) co_return problem;
    close();
    const auto [error] = co_await socket.async_connect(candidate, kAwait);
    if (serial != mine) co_return problem;
    if (!error) co_return co_await agree_on_cipher(mine);
    problem = fail(Errc::kUnavailable, "connect: {}", error.message());
  }
  co_return problem;
}

Task<Result<void>> StreamConnection::State::agree_on_cipher(std::uint64_t mine) {
  error_code ignored;
  socket.set_option(net::asio::ip::tcp::no_delay(true), ignored);
  if (!make_cipher) co_return Result<void>();
  auto made = make_cipher();
  if (!made) co_return fail(made.error());
  cipher = std::move(*made);
  for (;;) {
    const Step step = cipher->handshake();
    // Before a refusal ends it: the peer is told why.
    auto sent = co_await send(mine, std::exchange(cipher->output(), {}));
    if (!sent || serial != mine) co_return sent;
    if (step == Step::kDone) co_return Result<void>();
    if (step != Step::kWantsInput) co_return fail(Errc::kUnavailable, "TLS: {}", cipher->problem());
    auto received = co_await receive_input(mine);
    if (!received || serial != mine) co_return received;
  }
}

// `bytes` lives in the coroutine: a newer exchange does not touch it.
Task<Result<void>> StreamConnection::State::send(std::uint64_t mine, std::string bytes) {
  if (bytes.empty() || serial != mine) co_return Result<void>();
  const auto [error, written] =
      co_await net::asio::async_write(socket, net::asio::buffer(bytes), kAwait);
  if (error) co_return fail(Errc::kUnavailable, "send: {}", error.message());
  co_return Result<void>();
}

Task<Result<std::string>> StreamConnection::State::receive(std::uint64_t mine) {
  std::string input(kReadSize, '\0');
  const auto [error, size] = co_await socket.async_read_some(net::asio::buffer(input), kAwait);
  if (serial != mine) co_return std::string();
  if (error == net::asio::error::eof) {
    co_return fail(Errc::kUnavailable, "connection closed before the answer's end");
  }
  if (error) co_return fail(Errc::kUnavailable, "receive: {}", error.message());
  input.resize(size);
  co_return input;
}

Task<Result<void>> StreamConnection::State::receive_input(std::uint64_t mine) {
  const auto received = co_await receive(mine);
  if (!received) co_return fail(received.error());
  if (serial == mine) cipher->input() += *received;
  co_return Result<void>();
}

Task<Result<std::string>> StreamConnection::State::receive_plain(std::uint64_t mine) {
  if (cipher == nullptr) co_return co_await receive(mine);
  std::string plain(kReadSize, '\0');
  for (;;) {
    const auto [step, size] = cipher->read(plain.data(), plain.size());
    plain.resize(size);
    if (step == Step::kDone) co_return plain;
    if (step == Step::kClosed) {
      co_return fail(Errc::kUnavailable, "connection closed before the answer's end");
    }
    if (step == Step::kFailed) co_return fail(Errc::kUnavailable, "TLS: {}", cipher->problem());
    plain.resize(kReadSize);
    // OpenSSL may answer a key update.
    auto sent = co_await send(mine, std::exchange(cipher->output(), {}));
    if (!sent) co_return fail(sent.error());
    if (serial != mine) co_return std::string();
    auto received = co_await receive_input(mine);
    if (!received) co_return fail(received.error());
    if (serial != mine) co_return std::string();
  }
}

Task<Result<void>> StreamConnection::State::read_answer(std::uint64_t mine) {
  for (;;) {
    const auto plain = co_await receive_plain(mine);
    if (serial != mine) co_return Result<void>();  // nobody waits any more
    if (!plain) co_return fail(plain.error());
    const Result<bool> complete = wanted.feed(*plain);
    if (!complete) co_return fail(complete.error());
    if (*complete) co_return Result<void>();
  }
}

StreamConnection::StreamConnection(EventLoop& loop, std::string host, std::uint16_t port,
                                   MakeCipher make_cipher, MayDial may_dial)
    : state_(std::make_shared<State>(loop, std::move(host), port, std::move(make_cipher),
                                     std::move(may_dial))) {}

StreamConnection::~StreamConnection() {
  ++state_->serial;
  state_->done = nullptr;
  state_->deadline.cancel();
  state_->close();
}

bool StreamConnection::connected() {
  if (!state_->socket.is_open()) return false;
  error_code error;
  const bool surplus = state_->cipher != nullptr && !state_->cipher->input().empty();
  const bool silent = !surplus && state_->socket.available(error) == 0 && !error;
  if (!silent) state_->close();
  return silent;
}

void StreamConnection::exchange(StreamExchange exchange, std::function<void(Result<void>)> done) {
  assert(!state_->done && !exchange.bytes.empty());
  state_->wanted = std::move(exchange);
  state_->done = std::move(done);
  const std::uint64_t mine = ++state_->serial;
  state_->watch_deadline();
  net::start(state_->loop, [state = state_, mine] { return state->run(mine); });
}

}  // namespace leadline
