#include "daemon/http_server.h"

#include <array>
#include <atomic>
#include <cassert>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include <poll.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "base/clock.h"
#include "daemon/asio_loop.h"
#include "daemon/event_loop.h"
#include "daemon/log.h"
#include "daemon/request_parser.h"
#include "daemon/response_head.h"
#include "daemon/server_transport.h"

namespace leadline {

using net::error_code;
using net::kAwait;
using net::Task;
using net::asio::mutable_buffer;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kAcceptPause{100};  // out of descriptors: give others time to close some
constexpr milliseconds kLingerTimeout{1'000};
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::size_t kFirstRead = 2048;
constexpr std::size_t kMaxRead = 64 * 1024;
constexpr std::size_t kIdleBuffer = 8 * 1024;  // an idle connection keeps no more than this

// net.core.somaxconn caps it. Small backlogs cost a burst of connects a SYN retry: one second each.
constexpr int kBacklog = 4096;

class PlainStream final : public ServerStream {
 public:
  explicit PlainStream(net::Socket socket) : socket_(std::move(socket)) {}

  Task<error_code> handshake() override { co_return error_code{}; }

  Task<Read> read_some(mutable_buffer into) override {
    auto [error, size] = co_await socket_.async_read_some(into, kAwait);
    co_return Read{error, size};
  }

  Task<error_code> write(std::string& head, net::asio::const_buffer body) override {
    const std::array<net::asio::const_buffer, 2> both{net::asio::buffer(head), body};
    auto [error, size] = co_await net::asio::async_write(socket_, both, kAwait);
    co_return error;
  }

  Task<error_code> shutdown() override {
    error_code error;
    socket_.shutdown(net::Socket::shutdown_send, error);
    co_return error;
  }

  net::Socket& socket() override { return socket_; }

 private:
  net::Socket socket_;
};

class PlainTransport final : public ServerTransport {
 public:
  std::unique_ptr<ServerStream> wrap(net::Socket socket) override {
    return std::make_unique<PlainStream>(std::move(socket));
  }
};

// Whether the peer closed its side or the connection broke, whatever still lies unread before that.
bool peer_left(net::Socket& socket) {
  pollfd entry{.fd = socket.native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

struct Counters {
  std::atomic<std::uint64_t> open{0}, parked{0}, accepted{0}, refused{0}, accept_errors{0};
  std::atomic<std::uint64_t> handshake_errors{0}, requests{0}, bad_requests{0}, parked_refused{0};
  std::atomic<std::uint64_t> handler_errors{0}, handler_timeouts{0}, abandoned{0};
};

HttpResponse plain_refusal(int status, std::string_view message) {
  return make_response(status, "text/plain", fmt::format("{}\n", message));
}

}  // namespace

// What one IP address holds of the server. It lives while a session of that address does.
struct HttpServer::Peer {
  std::size_t connections = 0, parked = 0;
};

// What the sessions of one server share. Sessions keep it alive; it knows them only by address.
class HttpServer::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(EventLoop& event_loop, HttpHandler on_request, const HttpLimits& bounds)
      : loop(event_loop.impl()), handler(std::move(on_request)), limits(bounds) {}

  Result<void> open(const std::string& address, std::uint16_t number);
  void start();
  void close();
  void drain(milliseconds grace, std::function<void()> done);
  void forget(Session* session);
  std::string_view date();

  EventLoop::Impl& loop;
  HttpHandler handler;
  const HttpLimits limits;
  HttpRefusal refusal = plain_refusal;
  std::shared_ptr<ServerTransport> transport;
  Counters counters;
  bool draining = false;
  bool closed = false;  // the server is gone, and with it perhaps what the handler refers to
  std::uint16_t port = 0;

 private:
  Task<void> accept_loop();
  void admit(net::Socket socket);
  std::shared_ptr<Peer> peer_at(const net::asio::ip::address& address);
  Task<void> sweep_loop();
  milliseconds sweep_period() const;
  void close_sessions();
  void finish_drain();

  net::Acceptor acceptor_{loop.context};
  net::Timer sweep_timer_{loop.context};
  net::Timer grace_timer_{loop.context};
  std::unordered_set<Session*> sessions_;
  std::map<net::asio::ip::address, std::weak_ptr<Peer>> peers_;
  bool sweeping_ = false;
  std::function<void()> drained_;
  std::string date_;
  std::time_t date_second_ = -1;
};

// One connection: a coroutine that reads a request, asks the handler, writes the answer, and again.
// Deadlines are kept by Core's sweep, which costs nothing per request: a late session's socket is
// cancelled or closed, which wakes its coroutine.
class HttpServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Core> core, std::shared_ptr<Peer> peer,
          std::unique_ptr<ServerStream> stream)
      : core_(std::move(core)), peer_(std::move(peer)), stream_(std::move(stream)) {
    ++peer_->connections;
  }
  ~Session() {
    --peer_->connections;
    core_->forget(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Task<void> run();
  void answer(std::uint64_t serial, HttpResponse response);
  void sweep(SteadyTime now);
  void close();
  void close_if_idle();

 private:
  enum class Phase { kHandshake, kIdle, kReading, kHandling, kParked, kWriting };
  enum class Got { kRequest, kRefusal, kNothing };

  Task<bool> serve_one();
  Task<Got> read_request();
  Task<bool> fill(bool idle);
  Task<error_code> send_continue();
  void dispatch();
  Task<void> park();
  Task<bool> write_answer(bool keep_alive);
  Task<void> refuse(int status);
  Task<void> say_goodbye();
  void wake();
  void enter(Phase phase, milliseconds allowed);

  std::shared_ptr<Core> core_;
  std::shared_ptr<Peer> peer_;
  std::unique_ptr<ServerStream> stream_;
  Phase phase_ = Phase::kHandshake;
  SteadyTime deadline_;
  bool expired_ = false;  // the sweep cancelled a read
  std::string input_;     // received, not yet parsed
  HttpRequest request_;
  std::shared_ptr<const ClientCertificates> client_certificates_;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  int refusal_ = 0;
  std::uint64_t serial_ = 0;  // which request a Respond may still answer
  std::optional<HttpResponse> answer_;
  net::Timer* parked_ = nullptr;  // what park() sleeps on
};

// --- Session

void HttpServer::Session::enter(Phase phase, milliseconds allowed) {
  phase_ = phase;
  deadline_ = system_now().steady + allowed;
}

Task<void> HttpServer::Session::run() {
  enter(Phase::kHandshake, core_->limits.header_timeout);
  const error_code failed = co_await stream_->handshake();
  if (failed) {
    ++core_->counters.handshake_errors;
    co_return;
  }
  client_certificates_ = stream_->client_certificates();
  // A client that connects and says nothing is worth less patience than one between two requests.
  enter(Phase::kIdle, core_->limits.header_timeout);
  for (;;) {
    const bool goes_on = co_await serve_one();
    if (!goes_on) break;
    enter(Phase::kIdle, core_->limits.idle_timeout);
    if (input_.empty() && input_.capacity() > kIdleBuffer) std::string().swap(input_);
  }
  close();
}

// Whether the connection goes on.
Task<bool> HttpServer::Session::serve_one() {
  const Got got = co_await read_request();
  if (got == Got::kNothing) co_return false;
  if (got == Got::kRefusal) {
    co_await refuse(refusal_);
    co_return false;
  }
  ++core_->counters.requests;
  dispatch();
  if (!answer_) co_await park();
  if (core_->closed) co_return false;
  ++serial_;  // a Respond that is still out there answers nothing any more
  if (!answer_) {
    ++core_->counters.abandoned;
    co_return false;
  }
  co_return co_await write_answer(keep_alive_ && !core_->draining);
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): one state machine, a step a line
Task<HttpServer::Session::Got> HttpServer::Session::read_request() {
  net::RequestParser parser(core_->limits);
  bool continued = false;
  refusal_ = 0;
  for (;;) {
    if (!input_.empty()) {
      if (phase_ == Phase::kIdle) enter(Phase::kReading, core_->limits.header_timeout);
      refusal_ = parser.feed(input_);
      if (refusal_ != 0) co_return Got::kRefusal;
      if (parser.done()) break;
      if (parser.expects_continue() && input_.empty() && !std::exchange(continued, true)) {
        const error_code failed = co_await send_continue();
        if (failed) co_return Got::kNothing;
      }
    } else if (core_->draining && phase_ == Phase::kIdle) {
      co_return Got::kNothing;
    }
    const bool more = co_await fill(!parser.started());
    if (expired_ && !core_->closed && parser.started()) refusal_ = 408;
    if (refusal_ != 0) co_return Got::kRefusal;
    if (!more || core_->closed) co_return Got::kNothing;
  }
  keep_alive_ = parser.keep_alive();
  http_1_0_ = parser.is_http_1_0();
  request_ = std::move(parser.request());
  request_.client_certificates = client_certificates_;
  co_return Got::kRequest;
}

// Reads once behind what is already there. The size follows what came so far, so that a small
// request costs a small buffer and a large one few reads.
Task<bool> HttpServer::Session::fill(bool idle) {
  const std::size_t had = input_.size();
  const std::size_t room = idle ? kFirstRead : std::min(kMaxRead, std::max(kFirstRead, had));
  input_.resize(had + room);
  const auto got = co_await stream_->read_some(mutable_buffer(input_.data() + had, room));
  input_.resize(had + got.size);
  co_return !got.error && got.size > 0;
}

Task<error_code> HttpServer::Session::send_continue() {
  std::string line = "HTTP/1.1 100 Continue\r\n\r\n";
  co_return co_await stream_->write(line, {});
}

void HttpServer::Session::dispatch() {
  phase_ = Phase::kHandling;
  answer_.reset();
  Respond respond = [self = weak_from_this(), serial = serial_](HttpResponse response) {
    if (const auto session = self.lock()) session->answer(serial, std::move(response));
  };
  try {
    core_->handler(request_, std::move(respond));
  } catch (const std::exception& problem) {
    ++core_->counters.handler_errors;
    log_error(fmt::format("handler failed target=\"{}\" err=\"{}\"", printable(request_.target),
                          printable(problem.what())));
    answer_ = core_->refusal(500, "internal error");
  }
  const bool crowded =
      core_->counters.parked >= core_->limits.parked || peer_->parked >= core_->limits.peer_parked;
  if (!answer_ && crowded) {
    ++core_->counters.parked_refused;
    answer_ = core_->refusal(429, "too many parked requests");
  }
}

Task<void> HttpServer::Session::park() {
  net::Timer sleep(core_->loop.executor(), SteadyTime::max());
  parked_ = &sleep;
  ++core_->counters.parked;
  ++peer_->parked;
  enter(Phase::kParked, core_->limits.handler_timeout);
  co_await sleep.async_wait(kAwait);
  --core_->counters.parked;
  --peer_->parked;
  parked_ = nullptr;
}

void HttpServer::Session::wake() {
  if (parked_ != nullptr) parked_->cancel();
}

void HttpServer::Session::answer(std::uint64_t serial, HttpResponse response) {
  if (serial != serial_ || answer_) return;
  if (phase_ != Phase::kHandling && phase_ != Phase::kParked) return;
  answer_ = std::move(response);
  wake();
}

Task<bool> HttpServer::Session::write_answer(bool keep_alive) {
  enter(Phase::kWriting, core_->limits.write_timeout);
  const auto connection = !keep_alive ? Connection::kClose
                          : http_1_0_ ? Connection::kKeepAliveSaid
                                      : Connection::kKeepAlive;
  assert(answer_);
  const HttpResponse answer = std::move(*answer_);
  answer_.reset();
  std::string head = response_head(answer, core_->date(), connection);
  const bool with_body = answer.body && request_.method != "HEAD" && answer.status >= 200 &&
                         answer.status != 204 && answer.status != 304;
  const auto body = with_body ? net::asio::buffer(*answer.body) : net::asio::const_buffer();
  const error_code error = co_await stream_->write(head, body);
  answer_.reset();  // a second answer came too late
  if (!error && !keep_alive) co_await say_goodbye();
  co_return keep_alive && !error;
}

Task<void> HttpServer::Session::refuse(int status) {
  ++core_->counters.bad_requests;
  request_ = {};
  answer_ = core_->refusal(status, reason_phrase(status));
  co_await write_answer(/*keep_alive=*/false);
}

// Closes our side and reads on for a moment: closing with bytes unread would send a reset, which
// may overtake the answer (RFC 9112 §9.6).
Task<void> HttpServer::Session::say_goodbye() {
  enter(Phase::kWriting, kLingerTimeout);
  const error_code failed = co_await stream_->shutdown();
  if (failed) co_return;
  std::string sink(kFirstRead, '\0');
  for (std::size_t total = 0; total < kLingerBytes;) {
    const auto [error, size] =
        co_await stream_->socket().async_read_some(net::asio::buffer(sink), kAwait);
    if (error || size == 0) co_return;
    total += size;
  }
}

void HttpServer::Session::sweep(SteadyTime now) {
  if (phase_ == Phase::kParked && !answer_ && peer_left(stream_->socket())) return wake();
  if (now < deadline_) return;
  switch (phase_) {
    case Phase::kHandling:
      return;
    case Phase::kParked:
      if (answer_) return;
      ++core_->counters.handler_timeouts;
      return answer(serial_, core_->refusal(504, "no answer in time"));
    case Phase::kReading: {
      expired_ = true;  // read_request answers 408
      error_code ignored;
      stream_->socket().cancel(ignored);
      return;
    }
    case Phase::kHandshake:
    case Phase::kIdle:
    case Phase::kWriting:
      return close();
  }
}

void HttpServer::Session::close() {
  error_code ignored;
  stream_->socket().close(ignored);
  wake();
}

void HttpServer::Session::close_if_idle() {
  if (phase_ == Phase::kIdle || phase_ == Phase::kHandshake) close();
}

// --- Core

namespace {

Result<net::asio::ip::tcp::endpoint> parse_endpoint(const std::string& address,
                                                    std::uint16_t port) {
  error_code error;
  const std::string numeric = address == "localhost" ? "127.0.0.1" : address;
  const auto parsed = net::asio::ip::make_address(numeric, error);
  if (error) return fail(Errc::kBadConfig, "listen address '{}' is not an IP address", address);
  return net::asio::ip::tcp::endpoint(parsed, port);
}

}  // namespace

Result<void> HttpServer::Core::open(const std::string& address, std::uint16_t number) {
  const auto endpoint = parse_endpoint(address, number);
  if (!endpoint) return fail(endpoint.error());
  error_code error;
  acceptor_.open(endpoint->protocol(), error);
  if (!error) acceptor_.set_option(net::Acceptor::reuse_address(true), error);
  if (!error && endpoint->protocol() == net::asio::ip::tcp::v6()) {
    acceptor_.set_option(net::asio::ip::v6_only(false), error);
  }
  if (!error) acceptor_.bind(*endpoint, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (!error) port = acceptor_.local_endpoint(error).port();
  if (error) {
    return fail(Errc::kUnavailable, "listen on {} port {}: {}", address, number, error.message());
  }
  return {};
}

void HttpServer::Core::start() {
  net::start(loop, [self = shared_from_this()] { return self->accept_loop(); });
}

Task<void> HttpServer::Core::accept_loop() {
  net::Timer pause(loop.executor());
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (!error) {
      admit(std::move(socket));
      continue;
    }
    if (!acceptor_.is_open()) co_return;
    ++counters.accept_errors;
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

std::shared_ptr<HttpServer::Peer> HttpServer::Core::peer_at(const net::asio::ip::address& address) {
  std::weak_ptr<Peer>& known = peers_[address];
  std::shared_ptr<Peer> peer = known.lock();
  if (!peer) known = peer = std::make_shared<Peer>();
  return peer;
}

void HttpServer::Core::admit(net::Socket socket) {
  if (draining || closed) return;
  error_code ignored;
  std::shared_ptr<Peer> peer = peer_at(socket.remote_endpoint(ignored).address());
  if (counters.open >= limits.connections || peer->connections >= limits.peer_connections) {
    ++counters.refused;
    return;  // the socket closes here
  }
  socket.set_option(net::asio::ip::tcp::no_delay(true), ignored);
  auto session =
      std::make_shared<Session>(shared_from_this(), peer, transport->wrap(std::move(socket)));
  sessions_.insert(session.get());
  ++counters.accepted;
  ++counters.open;
  net::start(loop, [session] { return session->run(); });
  if (std::exchange(sweeping_, true)) return;
  net::start(loop, [self = shared_from_this()] { return self->sweep_loop(); });
}

void HttpServer::Core::forget(Session* session) {
  if (sessions_.erase(session) > 0) --counters.open;
  if (draining && sessions_.empty()) finish_drain();
}

// A quarter of the shortest deadline, so that none is overrun by more; at most a second, within
// which a parked client's departure is noticed.
milliseconds HttpServer::Core::sweep_period() const {
  const auto shortest = std::min(std::min(limits.header_timeout, limits.idle_timeout),
                                 std::min(limits.write_timeout, limits.handler_timeout));
  return std::clamp(shortest / 4, milliseconds{10}, milliseconds{1'000});
}

// Runs only while there are connections, so that an unused server sleeps.
Task<void> HttpServer::Core::sweep_loop() {
  while (!sessions_.empty()) {
    sweep_timer_.expires_after(sweep_period());
    co_await sweep_timer_.async_wait(kAwait);
    const SteadyTime now = system_now().steady;
    for (Session* session : sessions_) session->sweep(now);  // ends none at once: it wakes them
    std::erase_if(peers_, [](const auto& one) { return one.second.expired(); });
  }
  sweeping_ = false;
}

std::string_view HttpServer::Core::date() {
  const WallTime now = system_now().wall;
  const std::time_t second = std::chrono::system_clock::to_time_t(now);
  if (std::exchange(date_second_, second) != second) date_ = http_date(now);
  return date_;
}

void HttpServer::Core::close_sessions() {
  for (Session* session : sessions_) session->close();
}

void HttpServer::Core::close() {
  closed = true;
  error_code ignored;
  acceptor_.close(ignored);
  drained_ = nullptr;
  grace_timer_.cancel();
  close_sessions();
}

void HttpServer::Core::drain(milliseconds grace, std::function<void()> done) {
  assert(!draining);
  draining = true;
  drained_ = std::move(done);
  error_code ignored;
  acceptor_.close(ignored);
  for (Session* session : sessions_) session->close_if_idle();
  grace_timer_.expires_after(grace);
  grace_timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) self->close_sessions();
  });
  if (sessions_.empty()) finish_drain();
}

// Posted: `done` may destroy the server, and we may be inside a session's destructor.
void HttpServer::Core::finish_drain() {
  if (!drained_) return;
  grace_timer_.cancel();
  net::asio::post(loop.context, std::exchange(drained_, nullptr));
}

// --- HttpServer

// NOLINTNEXTLINE(readability-function-size): the last two of its six parameters have defaults
Result<std::unique_ptr<HttpServer>> HttpServer::listen(EventLoop& loop, const std::string& address,
                                                       std::uint16_t port, HttpHandler handler,
                                                       HttpLimits limits,
                                                       std::shared_ptr<ServerTransport> transport) {
  auto core = std::make_shared<Core>(loop, std::move(handler), limits);
  core->transport = transport ? std::move(transport) : std::make_shared<PlainTransport>();
  const auto opened = core->open(address, port);
  if (!opened) return fail(opened.error());
  core->start();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(core)));
}

HttpServer::HttpServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

HttpServer::~HttpServer() {
  core_->close();
}

std::uint16_t HttpServer::port() const {
  return core_->port;
}

void HttpServer::set_refusal(HttpRefusal refusal) {
  core_->refusal = std::move(refusal);
}

void HttpServer::drain(milliseconds grace, std::function<void()> done) {
  core_->drain(grace, std::move(done));
}

HttpServerStats HttpServer::stats() const {
  const Counters& now = core_->counters;
  return {.open_connections = now.open,
          .parked_requests = now.parked,
          .accepted = now.accepted,
          .refused = now.refused,
          .accept_errors = now.accept_errors,
          .handshake_errors = now.handshake_errors,
          .requests = now.requests,
          .bad_requests = now.bad_requests,
          .parked_refused = now.parked_refused,
          .handler_errors = now.handler_errors,
          .handler_timeouts = now.handler_timeouts,
          .abandoned = now.abandoned};
}

}  // namespace leadline
