#include "sim/engine_server.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "sim/growing_pool.h"
#include "sim/openai.h"
#include "sim/state_json.h"
#include "sim/vllm_page.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxThreads = 2048;  // one per request in flight or connection kept
constexpr std::size_t kMaxBody = 8 << 20;  // a prompt of a million token ids
constexpr int kBacklog = 1024;             // the library listens with 5
constexpr std::chrono::milliseconds kPatience{1000};  // one turn of every wait here
constexpr char kJson[] = "application/json";
constexpr char kPlainText[] = "text/plain; charset=utf-8";

double unix_seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void answer(httplib::Response& response, int status, const std::string& body,
            const char* type = kJson) {
  response.status = status;
  response.set_content(body, type);
}

void answer_error(httplib::Response& response, int status, std::string_view message) {
  answer(response, status, error_body(status, message));
}

// The instrumentator counts by route, and leaves out the paths that probes and scrapers use.
const char* counted_handler(const std::string& path) {
  for (const char* known : {"/v1/completions", "/v1/chat/completions", "/v1/models"}) {
    if (path == known) return known;
  }
  for (const char* left_out : {"/metrics", "/health", "/version", "/sim/"}) {
    if (path.rfind(left_out, 0) == 0) return nullptr;
  }
  return "none";
}

// What is no engine's is vLLM's, spoilt.
const EnginePage& page_of(const Faults& faults) {
  const EnginePage* page = find_engine_page(faults.become);
  return page != nullptr ? *page : engine_pages().front();
}

}  // namespace

class EngineServer::Impl {
 public:
  Impl(EngineServerConfig config, PerfModel perf)
      : config_(std::move(config)),
        faults_(config_.faults),
        ready_at_(system_now().steady + config_.loading),
        host_(config_.batching, std::move(perf)) {
    host_.freeze(faults_.freeze || faults_.hang);
  }

  Result<void> listen();
  void stop();
  bool drain(std::chrono::milliseconds patience);
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const {
    return fmt::format("http://{}:{}", config_.address, port_);
  }
  EngineHost& host() { return host_; }

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;
  using Routing = httplib::Server::HandlerResponse;

  void set_options();
  void set_routes();
  Routing before_routing(const Request& request, Response& response);
  void hold_while_hanging();
  void complete(Api api, const Request& request, Response& response);
  void stream(Api api, const CompletionRequest& request, const std::shared_ptr<TokenStream>& stream,
              Response& response);
  void answer_whole(Api api, const CompletionRequest& request, TokenStream& stream,
                    Response& response);
  void metrics(Response& response);
  void send_page(const Faults& faults, std::string page, Response& response);
  std::string render_page(const Faults& faults);
  void models(Response& response);
  void change_faults(const Request& request, Response& response);
  void mark(const Request& request, Response& response);
  void count_http(const Request& request, const Response& response);
  Faults faults() const;

  const EngineServerConfig config_;
  mutable std::mutex mutex_;  // faults_, http_
  std::condition_variable faults_changed_;
  Faults faults_;
  std::map<std::tuple<std::string, std::string, std::string>, HttpCount> http_;  // at most ~20
  const SteadyTime ready_at_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> listener_ended_{false};
  EngineHost host_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

void EngineServer::Impl::set_options() {
  // 43 ms per answer without it: Nagle's algorithm against delayed acknowledgements.
  server_.set_tcp_nodelay(true);
  server_.set_keep_alive_max_count(1'000'000'000);
  server_.set_keep_alive_timeout(5);  // as uvicorn's
  server_.set_payload_max_length(kMaxBody);
  server_.new_task_queue = [] { return new GrowingPool(kMaxThreads); };
  server_.set_pre_routing_handler(
      [this](const Request& q, Response& r) { return before_routing(q, r); });
  server_.set_logger([this](const Request& q, const Response& r) { count_http(q, r); });
}

void EngineServer::Impl::set_routes() {
  server_.Post("/v1/completions",
               [this](const Request& q, Response& r) { complete(Api::kCompletions, q, r); });
  server_.Post("/v1/chat/completions",
               [this](const Request& q, Response& r) { complete(Api::kChat, q, r); });
  server_.Get("/v1/models", [this](const Request&, Response& r) { models(r); });
  server_.Get("/health", [](const Request&, Response& r) { r.status = 200; });
  server_.Get("/version", [this](const Request&, Response& r) {
    if (faults().become != "vllm") return answer_error(r, 404, "Not Found");
    answer(r, 200, fmt::format(R"({{"version":"{}"}})", kVllmVersion));
  });
  server_.Get("/metrics", [this](const Request&, Response& r) { metrics(r); });
  server_.Get("/sim/state", [this](const Request&, Response& r) {
    answer(r, 200, state_json(host_.state(), host_.config()));
  });
  server_.Get("/sim/faults",
              [this](const Request&, Response& r) { answer(r, 200, to_json(faults())); });
  server_.Post("/sim/faults", [this](const Request& q, Response& r) { change_faults(q, r); });
  server_.Post("/sim/mark", [this](const Request& q, Response& r) { mark(q, r); });
}

Result<void> EngineServer::Impl::listen() {
  set_options();
  set_routes();
  // The library sets SO_REUSEPORT by default: a second engine on the same port would be silent.
  int listener = -1;
  server_.set_socket_options([&listener](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    listener = socket;
  });
  const bool bound = config_.port == 0
                         ? (port_ = server_.bind_to_any_port(config_.address)) > 0
                         : server_.bind_to_port(config_.address, port_ = config_.port);
  if (!bound) {
    return fail(Errc::kUnavailable, "cannot listen on {}:{}", config_.address, config_.port);
  }
  if (listener >= 0) ::listen(listener, kBacklog);
  thread_ = std::thread([this] {
    server_.listen_after_bind();
    listener_ended_ = true;
  });
  return {};
}

void EngineServer::Impl::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    faults_changed_.notify_all();
  }
  host_.stop();
  // A stop before the listener runs would be lost.
  while (thread_.joinable() && !server_.is_running() && !listener_ended_) std::this_thread::yield();
  server_.stop();
  if (thread_.joinable()) thread_.join();
}

bool EngineServer::Impl::drain(std::chrono::milliseconds patience) {
  draining_ = true;
  const SteadyTime deadline = system_now().steady + patience;
  while (system_now().steady < deadline) {
    const EngineState state = host_.state();
    if (state.waiting == 0 && state.running == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

Faults EngineServer::Impl::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

void EngineServer::Impl::hold_while_hanging() {
  std::unique_lock lock(mutex_);
  while (faults_.hang && !stopping_) faults_changed_.wait_for(lock, kPatience);
}

// /sim/* always answers, so that a test can lift what it set.
EngineServer::Impl::Routing EngineServer::Impl::before_routing(const Request& request,
                                                               Response& response) {
  if (request.path.rfind("/sim/", 0) == 0) return Routing::Unhandled;
  hold_while_hanging();
  if (system_now().steady >= ready_at_) return Routing::Unhandled;
  const std::string_view loading = page_of(faults()).loading;
  answer(response, 503,
         loading.empty() ? error_body(503, "The engine is loading.") : std::string(loading));
  return Routing::Handled;
}

void EngineServer::Impl::complete(Api api, const Request& request, Response& response) {
  if (draining_) return answer_error(response, 503, "The engine is shutting down.");
  auto parsed = parse_completion(api, request.body, config_.batching.max_model_len);
  if (!parsed) return answer_error(response, 400, parsed.error().message);
  if (parsed->model.empty()) parsed->model = config_.model;
  if (parsed->model != config_.model) {
    return answer_error(response, 404,
                        fmt::format("The model `{}` does not exist.", parsed->model));
  }
  const auto stream_or = host_.submit({.prompt_tokens = parsed->prompt_tokens,
                                       .max_tokens = parsed->max_tokens,
                                       .ends_with = parsed->ends_with,
                                       .streaming = parsed->stream});
  if (!stream_or) return answer_error(response, 503, stream_or.error().message);
  if (parsed->stream) return stream(api, *parsed, *stream_or, response);
  answer_whole(api, *parsed, **stream_or, response);
}

void EngineServer::Impl::stream(Api api, const CompletionRequest& request,
                                const std::shared_ptr<TokenStream>& stream, Response& response) {
  const auto created = static_cast<std::int64_t>(unix_seconds(system_now().wall));
  const CompletionWriter writer(api, request, stream->request.id, created);
  const auto provide = [this, stream, writer, sent = 0](std::size_t,
                                                        httplib::DataSink& sink) mutable {
    const StreamProgress progress = host_.wait(*stream, sent, kPatience);
    if (progress.tokens > sent) {
      const std::string events = writer.events(sent, progress.tokens);
      if (!sink.write(events.data(), events.size())) return false;
      sent = progress.tokens;
    }
    if (progress.broken) return false;  // closes without the last chunk: the client sees a break
    if (progress.done) sink.done();
    return true;
  };
  response.set_chunked_content_provider("text/event-stream; charset=utf-8", provide,
                                        [this, stream](bool) { host_.abandon(*stream); });
}

void EngineServer::Impl::answer_whole(Api api, const CompletionRequest& request,
                                      TokenStream& stream, Response& response) {
  StreamProgress progress;
  do {
    progress = host_.wait(stream, request.max_tokens, kPatience);
  } while (!progress.done && !progress.broken);
  if (progress.broken) return answer_error(response, 500, "The engine died.");
  const auto created = static_cast<std::int64_t>(unix_seconds(system_now().wall));
  answer(response, 200, CompletionWriter(api, request, stream.request.id, created).body());
}

std::string EngineServer::Impl::render_page(const Faults& faults) {
  const EngineState state = host_.state();
  PageInput input{
      .model_name = faults.model_name.empty() ? config_.model : faults.model_name,
      .waiting = state.marks.waiting.value_or(state.waiting),
      .running = state.marks.running.value_or(state.running),
      .kv_blocks_used = state.kv_blocks_used,
      .process_start_seconds = state.start_seconds,
      .created_seconds = state.start_seconds,
      .config = config_.batching,
      .totals = state.totals,
      .process = read_process_facts(),
      .http = {},
      .huge_label = std::string(static_cast<std::size_t>(faults.huge_label_bytes), 'h')};
  const std::lock_guard lock(mutex_);
  for (const auto& [key, count] : http_) input.http.push_back(count);
  return page_of(faults).render(input);
}

void EngineServer::Impl::metrics(Response& response) {
  const Faults faults = this->faults();
  if (faults.slow_page_ms > 0) {
    std::unique_lock lock(mutex_);
    faults_changed_.wait_for(lock, std::chrono::milliseconds(faults.slow_page_ms),
                             [this] { return stopping_.load(); });
  }
  if (faults.page_status != 0) {
    return answer(response, faults.page_status, "Internal Server Error", kPlainText);
  }
  send_page(faults, spoil_page(faults, render_page(faults)), response);
}

void EngineServer::Impl::send_page(const Faults& faults, std::string page, Response& response) {
  const EnginePage& kind = page_of(faults);
  const std::string type =
      faults.content_type.empty() ? std::string(kind.content_type) : faults.content_type;
  if (!kind.server.empty()) response.set_header("Server", std::string(kind.server));
  if (kind.start_in_header) {
    response.set_header("Process-Start-Time-Unix",
                        fmt::format("{:.0f}", host_.state().start_seconds * 1e6));
  }
  const auto shortened = [&page](int bytes) {
    return std::min(page.size(), static_cast<std::size_t>(bytes));
  };
  response.status = 200;
  if (faults.truncate_page > 0) page.resize(shortened(faults.truncate_page));
  if (faults.cut_page == 0) return response.set_content(page, type);
  const std::size_t full = page.size();
  page.resize(shortened(faults.cut_page));
  response.set_content_provider(full, type,
                                [page](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                  if (offset >= page.size()) return false;  // closes the connection
                                  return sink.write(page.data() + offset, page.size() - offset);
                                });
}

void EngineServer::Impl::models(Response& response) {
  const nlohmann::json model = {{"id", config_.model},
                                {"object", "model"},
                                {"created", static_cast<std::int64_t>(host_.state().start_seconds)},
                                {"owned_by", faults().become},
                                {"root", config_.model},
                                {"parent", nullptr},
                                {"max_model_len", config_.batching.max_model_len}};
  answer(response, 200, nlohmann::json{{"object", "list"}, {"data", {model}}}.dump());
}

void EngineServer::Impl::change_faults(const Request& request, Response& response) {
  std::unique_lock lock(mutex_);
  auto changed = with_changes(faults_, request.body);
  if (!changed) return answer_error(response, 400, changed.error().message);
  if (std::exchange(changed->restart, false)) {
    http_.clear();
    host_.restart();
  }
  faults_ = *changed;
  faults_changed_.notify_all();
  host_.freeze(faults_.freeze || faults_.hang);
  answer(response, 200, to_json(faults_));
}

void EngineServer::Impl::mark(const Request& request, Response& response) {
  const auto marks = with_marks(host_.state().marks, request.body);
  if (!marks) return answer_error(response, 400, marks.error().message);
  const Instant at = host_.mark(*marks);
  answer(response, 200, marks_json(*marks, at));
}

void EngineServer::Impl::count_http(const Request& request, const Response& response) {
  const char* handler = counted_handler(request.path);
  if (handler == nullptr) return;
  const std::string status = fmt::format("{}xx", response.status / 100);
  const std::lock_guard lock(mutex_);
  HttpCount& count = http_[{handler, request.method, status}];
  if (count.count++ > 0) return;
  count.handler = handler;
  count.method = request.method;
  count.status = status;
  count.created_seconds = unix_seconds(system_now().wall);
}

EngineServer::EngineServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

EngineServer::~EngineServer() {
  stop();
}

Result<std::unique_ptr<EngineServer>> EngineServer::start(EngineServerConfig config,
                                                          PerfModel perf) {
  const auto checked = check(config.batching);
  if (!checked) return fail(checked.error());
  auto impl = std::make_unique<Impl>(std::move(config), std::move(perf));
  const auto listening = impl->listen();
  if (!listening) return fail(listening.error());
  return std::unique_ptr<EngineServer>(new EngineServer(std::move(impl)));
}

int EngineServer::port() const {
  return impl_->port();
}
std::string EngineServer::url() const {
  return impl_->url();
}
EngineHost& EngineServer::host() {
  return impl_->host();
}
bool EngineServer::drain(std::chrono::milliseconds patience) {
  return impl_->drain(patience);
}
void EngineServer::stop() {
  impl_->stop();
}

}  // namespace leadline
