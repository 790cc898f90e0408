#include "sim/load_runner.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "sim/load_balancer.h"
#include "sim/load_connection.h"

namespace leadline {
namespace {

constexpr std::chrono::milliseconds kHousekeeping{200};  // timeouts and the URL file
constexpr int kMaxEvents = 256;

double to_seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

// A request between its sending and its end.
struct Exchange {
  Arrival arrival;
  SteadyTime sent;
  std::optional<SteadyTime> last_token;
  RequestRecord record;
  std::shared_ptr<BalancedEndpoint> endpoint;
  std::unique_ptr<LoadConnection> connection;
  bool retried = false;
};

bool is_refusal(int status) {
  return status == 429 || status == 503;
}

Result<std::vector<LoadEndpoint>> resolve_all(const std::vector<std::string>& urls) {
  std::vector<LoadEndpoint> endpoints;
  for (const std::string& url : urls) {
    auto endpoint = resolve_endpoint(url);
    if (!endpoint) return fail(endpoint.error());
    endpoints.push_back(std::move(*endpoint));
  }
  return endpoints;
}

}  // namespace

class LoadRunner::Impl {
 public:
  Impl(LoadPlan plan, LoadRunnerOptions options)
      : plan_(std::move(plan)),
        options_(std::move(options)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        stats_(plan_.arrivals.size()) {
    assert(epoll_ >= 0 && wake_ >= 0);
    epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  }
  ~Impl() {
    stop();
    close(epoll_);
    close(wake_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start();
  void stop();
  Result<void> set_urls(const std::vector<std::string>& urls);
  bool wait_finished(std::chrono::milliseconds patience);
  [[nodiscard]] bool finished() const { return finished_; }
  LoadProgress progress();
  [[nodiscard]] std::string summary_json() const;
  [[nodiscard]] std::string records_csv() const;

 private:
  void run();
  void send_due(SteadyTime now);
  void send(const Arrival& arrival, SteadyTime now);
  bool connect(Exchange& exchange, const BalancedEndpoint* except);
  void watch(const Exchange& exchange, int operation);
  void poll(SteadyTime now);
  void advance(int fd, SteadyTime now);
  void take_tokens(Exchange& exchange, int tokens, SteadyTime now);
  bool retry(Exchange& exchange);
  void end(Exchange exchange, Outcome outcome, SteadyTime now);
  void end_late(SteadyTime now);
  void reload_urls_file();
  [[nodiscard]] int poll_timeout_ms(SteadyTime now) const;

  const LoadPlan plan_;
  const LoadRunnerOptions options_;
  const int epoll_;
  const int wake_;

  // The loop's own.
  std::size_t next_arrival_ = 0;
  std::unordered_map<int, Exchange> exchanges_;  // by descriptor, at most max_in_flight
  LoadBalancer balancer_;
  SteadyTime housekeeping_at_;
  std::filesystem::file_time_type urls_file_time_;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable ended_;
  LoadStats stats_;
  std::optional<std::vector<LoadEndpoint>> new_endpoints_;
  SteadyTime start_;
  SteadyTime end_time_;

  std::atomic<bool> stopping_{false};
  std::atomic<bool> finished_{false};
  std::thread thread_;
};

void LoadRunner::Impl::start() {
  assert(!thread_.joinable());
  start_ = system_now().steady;
  housekeeping_at_ = start_;
  thread_ = std::thread([this] { run(); });
}

void LoadRunner::Impl::stop() {
  stopping_ = true;
  eventfd_write(wake_, 1);
  if (thread_.joinable()) thread_.join();
}

Result<void> LoadRunner::Impl::set_urls(const std::vector<std::string>& urls) {
  auto endpoints = resolve_all(urls);
  if (!endpoints) return fail(endpoints.error());
  const std::lock_guard lock(mutex_);
  new_endpoints_ = std::move(*endpoints);
  return {};
}

bool LoadRunner::Impl::wait_finished(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [this] { return finished_.load(); });
}

LoadProgress LoadRunner::Impl::progress() {
  const std::lock_guard lock(mutex_);
  return stats_.progress(start_, system_now().steady);
}

std::string LoadRunner::Impl::summary_json() const {
  const std::lock_guard lock(mutex_);
  const SteadyTime until = finished_ ? end_time_ : system_now().steady;
  return stats_.summary_json(to_seconds(options_.slo_ttft), to_seconds(until - start_));
}

std::string LoadRunner::Impl::records_csv() const {
  const std::lock_guard lock(mutex_);
  return stats_.records_csv();
}

void LoadRunner::Impl::run() {
  while (!stopping_ && (next_arrival_ < plan_.arrivals.size() || !exchanges_.empty())) {
    const SteadyTime now = system_now().steady;
    if (now >= housekeeping_at_) {
      housekeeping_at_ = now + kHousekeeping;
      reload_urls_file();
      end_late(now);
    }
    {
      const std::lock_guard lock(mutex_);
      if (const auto endpoints = std::exchange(new_endpoints_, std::nullopt)) {
        balancer_.replace(*endpoints);
      }
    }
    send_due(now);
    poll(now);
  }
  const SteadyTime now = system_now().steady;
  for (auto& [fd, exchange] : std::exchange(exchanges_, {})) {
    end(std::move(exchange), Outcome::kFailed, now);
  }
  const std::lock_guard lock(mutex_);
  end_time_ = now;
  finished_ = true;
  ended_.notify_all();
}

void LoadRunner::Impl::send_due(SteadyTime now) {
  while (next_arrival_ < plan_.arrivals.size() &&
         start_ + plan_.arrivals[next_arrival_].at <= now) {
    send(plan_.arrivals[next_arrival_++], now);
  }
}

void LoadRunner::Impl::send(const Arrival& arrival, SteadyTime now) {
  Exchange exchange;
  exchange.arrival = arrival;
  exchange.sent = now;
  exchange.record.arrival = to_seconds(arrival.at);
  exchange.record.prompt_tokens = arrival.prompt_tokens;
  exchange.record.asked_tokens = arrival.generation_tokens;
  if (exchanges_.size() >= options_.max_in_flight) {
    return end(std::move(exchange), Outcome::kDropped, now);
  }
  if (!connect(exchange, nullptr)) return end(std::move(exchange), Outcome::kRefused, now);
  exchange.record.sent = to_seconds(now - start_);
  watch(exchange, EPOLL_CTL_ADD);
  const int fd = exchange.connection->fd();
  exchanges_.insert_or_assign(fd, std::move(exchange));
  const std::lock_guard lock(mutex_);
  stats_.on_sent(now);
}

bool LoadRunner::Impl::connect(Exchange& exchange, const BalancedEndpoint* except) {
  const auto endpoint = balancer_.pick(except);
  if (!endpoint) return false;
  auto connection = LoadConnection::open(
      endpoint->endpoint, completion_request(endpoint->endpoint, options_.model, exchange.arrival));
  if (!connection) return false;
  exchange.connection = std::move(*connection);
  exchange.endpoint = endpoint;
  ++endpoint->outstanding;
  return true;
}

void LoadRunner::Impl::watch(const Exchange& exchange, int operation) {
  const std::uint32_t write = exchange.connection->wants_write() ? EPOLLOUT : 0U;
  epoll_event event{.events = EPOLLIN | write, .data = {.fd = exchange.connection->fd()}};
  epoll_ctl(epoll_, operation, exchange.connection->fd(), &event);
}

int LoadRunner::Impl::poll_timeout_ms(SteadyTime now) const {
  SteadyTime until = housekeeping_at_;
  if (next_arrival_ < plan_.arrivals.size()) {
    until = std::min(until, start_ + plan_.arrivals[next_arrival_].at);
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::max<std::int64_t>(wait, 0));
}

void LoadRunner::Impl::poll(SteadyTime before) {
  epoll_event events[kMaxEvents];
  const int count = epoll_wait(epoll_, events, kMaxEvents, poll_timeout_ms(before));
  const SteadyTime now = system_now().steady;
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd != wake_) advance(events[i].data.fd, now);
  }
}

void LoadRunner::Impl::advance(int fd, SteadyTime now) {
  const auto at = exchanges_.find(fd);
  if (at == exchanges_.end()) return;
  Exchange& exchange = at->second;
  const bool was_writing = exchange.connection->wants_write();
  const StreamNews news = exchange.connection->advance();
  if (news.tokens > 0) take_tokens(exchange, news.tokens, now);
  if (!news.ended) {
    if (was_writing && !exchange.connection->wants_write()) watch(exchange, EPOLL_CTL_MOD);
    return;
  }
  Exchange done = std::move(exchange);
  exchanges_.erase(at);
  const int status = done.connection->status();
  const bool unanswered = !done.connection->answered();
  if ((unanswered || is_refusal(status)) && retry(done)) {
    const int new_fd = done.connection->fd();
    exchanges_.insert_or_assign(new_fd, std::move(done));
    return;
  }
  const bool refused = unanswered || is_refusal(status);
  const bool whole = news.complete && status == 200;
  end(std::move(done),
      refused ? Outcome::kRefused : (whole ? Outcome::kFinished : Outcome::kFailed), now);
}

void LoadRunner::Impl::take_tokens(Exchange& exchange, int tokens, SteadyTime now) {
  exchange.record.generation_tokens += tokens;
  const std::lock_guard lock(mutex_);
  if (!exchange.last_token) {
    exchange.record.ttft = to_seconds(now - exchange.sent);
    stats_.on_first_token(now, *exchange.record.ttft);
    stats_.on_tokens(now, tokens, std::nullopt);
  } else {
    stats_.on_tokens(now, tokens, to_seconds(now - *exchange.last_token));
  }
  exchange.last_token = now;
}

// Once, at another engine, and only when nothing was answered: as gateways do.
bool LoadRunner::Impl::retry(Exchange& exchange) {
  if (exchange.retried) return false;
  exchange.retried = true;
  const auto first = exchange.endpoint;
  if (!connect(exchange, first.get())) return false;
  --first->outstanding;
  watch(exchange, EPOLL_CTL_ADD);
  return true;
}

void LoadRunner::Impl::end(Exchange exchange, Outcome outcome, SteadyTime now) {
  RequestRecord& record = exchange.record;
  record.outcome = outcome;
  if (record.sent) record.e2e = to_seconds(now - exchange.sent);
  if (exchange.connection) record.status = exchange.connection->status();
  if (exchange.endpoint) --exchange.endpoint->outstanding;
  // The engine's own count wins over events: a real one may put several tokens into one.
  if (outcome == Outcome::kFinished && exchange.connection->usage()) {
    record.prompt_tokens = exchange.connection->usage()->prompt_tokens;
    record.generation_tokens = exchange.connection->usage()->generation_tokens;
  }
  const std::lock_guard lock(mutex_);
  stats_.on_end(record);
}

void LoadRunner::Impl::end_late(SteadyTime now) {
  std::vector<int> late;
  for (const auto& [fd, exchange] : exchanges_) {
    if (now - exchange.sent > options_.timeout) late.push_back(fd);
  }
  for (const int fd : late) {
    auto node = exchanges_.extract(fd);
    end(std::move(node.mapped()), Outcome::kFailed, now);
  }
}

void LoadRunner::Impl::reload_urls_file() {
  if (options_.urls_file.empty()) return;
  std::error_code error;
  const auto time = std::filesystem::last_write_time(options_.urls_file, error);
  if (error || time == urls_file_time_) return;
  const auto urls = read_urls_file(options_.urls_file);
  if (!urls) return;
  // A file caught in mid-write has a bad line: keep the old engines and look again next time.
  if (set_urls(*urls)) urls_file_time_ = time;
}

LoadRunner::LoadRunner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoadRunner::~LoadRunner() = default;

Result<std::unique_ptr<LoadRunner>> LoadRunner::create(LoadPlan plan, LoadRunnerOptions options) {
  const std::vector<std::string> urls = options.urls;
  std::unique_ptr<LoadRunner> runner(
      new LoadRunner(std::make_unique<Impl>(std::move(plan), std::move(options))));
  const auto set = runner->set_urls(urls);
  if (!set) return fail(set.error());
  return runner;
}

void LoadRunner::start() {
  impl_->start();
}
void LoadRunner::stop() {
  impl_->stop();
}
Result<void> LoadRunner::set_urls(const std::vector<std::string>& urls) {
  return impl_->set_urls(urls);
}
bool LoadRunner::finished() const {
  return impl_->finished();
}
bool LoadRunner::wait_finished(std::chrono::milliseconds patience) {
  return impl_->wait_finished(patience);
}
LoadProgress LoadRunner::progress() {
  return impl_->progress();
}
std::string LoadRunner::summary_json() const {
  return impl_->summary_json();
}
std::string LoadRunner::records_csv() const {
  return impl_->records_csv();
}

Result<std::vector<std::string>> read_urls_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Errc::kUnavailable, "{}: cannot open", path);
  std::vector<std::string> urls;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') urls.push_back(line);
  }
  return urls;
}

}  // namespace leadline
