#include "adapter/adapter.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "adapter/api_server.h"
#include "adapter/certificate_files.h"
#include "adapter/collector.h"
#include "adapter/keda_answers.h"
#include "adapter/keda_server.h"
#include "adapter/kube/cluster.h"
#include "adapter/pods_file.h"
#include "adapter/redis/pollers.h"
#include "adapter/redis/queue_answers.h"
#include "adapter/redis/queue_service.h"
#include "adapter/self_server.h"
#include "adapter/token_gatekeeper.h"
#include "daemon/exit_codes.h"
#include "daemon/http_server.h"
#include "daemon/http_url.h"
#include "daemon/log.h"
#include "daemon/tls_key_pair.h"
#include "daemon/tls_transport.h"

namespace leadline {
namespace {

// Three APIServices times three kube-apiservers probe with five connections each and keep 25 idle.
// One address is one kube-apiserver, or everybody behind one proxy: a quarter of all.
HttpLimits api_limits() {
  HttpLimits limits;
  limits.connections = 1024;
  limits.peer_connections = 256;
  limits.parked = 256;
  limits.peer_parked = 128;
  limits.handler_timeout = std::chrono::seconds{10};
  return limits;
}

// What the server refuses by itself is a Status too, as every error of the API is. Reasons: §1.6.
HttpResponse status_refusal(int status, std::string_view message) {
  const ApiError error{.http_status = status,
                       .reason = status == 429   ? "TooManyRequests"
                                 : status == 500 ? "InternalError"
                                 : status == 504 ? "Timeout"
                                                 : "BadRequest",
                       .message = std::string(message)};
  return make_response(status, "application/json", status_body(error, JsonStyle::kCompact));
}

// Its calls are answered from memory: what has not ended by then never will.
constexpr std::chrono::milliseconds kKedaGrace{1'000};
constexpr std::chrono::milliseconds kLookEvery{250};  // at the list of pods, for KedaAnswers
constexpr std::chrono::milliseconds kLookAtWorkloads{5'000};

// A loop with a thread of its own. Whatever lives on the loop is destroyed after the thread ended.
class LoopThread {
 public:
  ~LoopThread() { join(); }

  void start() {
    thread_ = std::thread([this] { loop.run(); });
  }
  // Where processors are short, others run first: ten steps down are a tenth of their share.
  void start_behind_others() {
    thread_ = std::thread([this] {
      static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kBehindOthers));
      loop.run();
    });
  }
  void join() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }

  EventLoop loop;

 private:
  static constexpr int kBehindOthers = 10;
  std::thread thread_;
};

// In a cluster the certificate made here serves only until the one in the Secret is known.
Result<std::shared_ptr<ServerTransport>> transport_for(const AdapterConfig& config,
                                                       EventLoop& handshakes) {
  if (!config.tls_certificate_file.empty()) {
    return tls_transport({config.tls_certificate_file, config.tls_key_file}, &handshakes);
  }
  if (!config.pods_file.empty())
    log_warn("serving with a certificate made in memory: clients cannot verify it beforehand");
  return self_signed_tls_transport({"localhost", "127.0.0.1", "::1", "leadline-adapter"},
                                   &handshakes);
}

Result<KubeEndpoint> endpoint_for(const KubeSource& kube) {
  return kube.kubeconfig.empty() ? in_cluster_endpoint(kube.host, kube.port)
                                 : kubeconfig_endpoint(kube.kubeconfig);
}

KedaOptions keda_options(const AdapterConfig& config) {
  const KedaConfig keda = config.keda.value_or(KedaConfig{});
  return {.aggregate = {.min_coverage = config.min_coverage},
          .absent_grace = config.keda_absent_grace,
          .loading_grace = keda.loading_grace};
}

std::string shown(const std::string& address, std::uint16_t port) {
  return fmt::format("{}:{}", url_host(address), port);
}

}  // namespace

// In the order of construction; what is below may refer to what is above.
struct Adapter::Parts {
  Parts(const AdapterConfig& given, Catalogue made, EventLoop& caller_loop)
      : config(given), catalogue(std::move(made)), main_loop(caller_loop) {}

  ~Parts() {
    serving.join();
    handshaking.join();
    collecting.join();
    polling.join();
    cluster.reset();  // its thread may use the transport
  }

  // What tells the pods and the callers: one of the two.
  [[nodiscard]] Result<void> use_file();
  [[nodiscard]] Result<void> use_cluster();
  void add_probes();
  void poll_redis();
  [[nodiscard]] bool has_redis() const;
  void look_at_workloads();
  [[nodiscard]] Result<std::unique_ptr<HttpServer>> listen_api();
  [[nodiscard]] Result<std::unique_ptr<HttpServer>> listen_metrics();
  [[nodiscard]] SelfState moment() const;
  [[nodiscard]] Result<void> listen_keda();
  void look_for_keda();
  void run_threads();
  void drain(std::function<void()> stopped);

  AdapterConfig config;
  Catalogue catalogue;
  EventLoop& main_loop;
  LoopThread collecting, serving, handshaking, polling;

  SelfMetrics metrics;
  ViewCell views;
  Probes probes;
  std::atomic<bool> stopping = false;
  Collector collector{collecting.loop,
                      views,
                      metrics,
                      {.clock = system_now, .least_max_age = config.least_max_age}};
  std::unique_ptr<PodsFile> pods_file;
  std::unique_ptr<TokenGatekeeper> token_gatekeeper;
  std::unique_ptr<KubeCluster> cluster;
  PodDirectory* pods = nullptr;
  Gatekeeper* gatekeeper = nullptr;
  Heartbeat collecting_beats{collecting.loop, system_now};
  Heartbeat serving_beats{serving.loop, system_now};
  Heartbeat handshaking_beats{handshaking.loop, system_now};
  Heartbeat polling_beats{polling.loop, system_now};

  MetricService service{views, catalogue, {.min_coverage = config.min_coverage}, metrics};
  QueueBoard queue_board{config.redis.queues};
  WorkloadThroughput throughput{views};
  QueueAnswers queue_answers{config.least_max_age, throughput};
  QueueService queues{queue_board, queue_answers, metrics};
  RedisPollers redis_pollers{polling.loop, queue_board, metrics};
  KedaAnswers keda_answers{views, catalogue, keda_options(config)};
  JsonDoor json_door{{views, catalogue, keda_answers, queues, metrics}};
  ApiDocuments documents{catalogue, queues.names()};
  std::unique_ptr<ApiServer> api;
  SelfServer self{metrics, probes, [this] { return moment(); }};
  std::shared_ptr<ServerTransport> transport;
  std::unique_ptr<CertificateFiles> certificate_files;
  std::unique_ptr<HttpServer> api_server, metrics_server;
  KedaScaler keda_scaler{{keda_answers, queue_board, redis_pollers, config.redis, queue_answers},
                         {.refused = {config.kube.host}}};
  std::unique_ptr<KedaServer> keda;  // nullptr: not served
  TimerId shutdown_timer = 0, look_timer = 0;
};

Result<void> Adapter::Parts::use_file() {
  if (const auto list = read_pods_file(config.pods_file); !list) return fail(list.error());
  pods_file = std::make_unique<PodsFile>(collecting.loop, config.pods_file, metrics);
  token_gatekeeper = std::make_unique<TokenGatekeeper>(config.token);
  pods = pods_file.get();
  gatekeeper = token_gatekeeper.get();
  return {};
}

Result<void> Adapter::Parts::use_cluster() {
  const auto endpoint = endpoint_for(config.kube);
  if (!endpoint) return fail(endpoint.error());
  KubeClusterOptions options{.certificate = {.namespace_name = config.service_namespace,
                                             .secret = config.service_name + "-certificate",
                                             .service = config.service_name},
                             .use_certificate = {}};
  if (config.tls_certificate_file.empty()) {
    options.use_certificate = [this](const KeyPair& pair) {
      return replace_certificate(*transport, pair);
    };
  }
  auto started =
      KubeCluster::start(*endpoint, serving.loop, collecting.loop, metrics, std::move(options));
  if (!started) return fail(started.error());
  cluster = std::move(*started);
  pods = &cluster->pods();
  gatekeeper = &cluster->gatekeeper();
  cluster->add_probes(probes);
  return {};
}

void Adapter::Parts::add_probes() {
  probes.add_live("collecting-loop", [this] { return collecting_beats.alive(); });
  probes.add_live("serving-loop", [this] { return serving_beats.alive(); });
  probes.add_live("handshaking-loop", [this] { return handshaking_beats.alive(); });
  if (has_redis()) {
    probes.add_live("redis-loop", [this] { return polling_beats.alive(); });
  }
  probes.add_ready("first-answers", [this] { return collector.tried_all(); });
  probes.add_ready("not-stopping", [this] { return !stopping.load(); });
}

// One loop for all servers: a poll of 500 queues costs it a millisecond.
void Adapter::Parts::poll_redis() {
  if (!has_redis()) return;
  for (const RedisServer& server : config.redis.servers) {
    std::string acl = acl_rules(config.redis.queues, server.name);
    if (const std::string more = topology_rules(server); !more.empty()) acl += " " + more;
    log_info(fmt::format("counting redis queues server={} acl=\"{}\"", server.name, acl));
  }
  queue_board.on_first_job([this] {
    if (keda) keda->wake();
  });
  polling.loop.post([this] {
    redis_pollers.start(config.redis.servers);
    look_at_workloads();
  });
  polling.start();
}

// For ever, as long as the loop runs.
void Adapter::Parts::look_at_workloads() {
  queue_answers.look(queue_board.configured(), system_now().steady);
  polling.loop.call_after(kLookAtWorkloads, [this] { look_at_workloads(); });
}

bool Adapter::Parts::has_redis() const {
  return !config.redis.servers.empty() || !config.redis.allowed_addresses.empty();
}

Result<std::unique_ptr<HttpServer>> Adapter::Parts::listen_api() {
  const auto handler = [this](const HttpRequest& request, const Respond& respond) {
    api->handle(request, respond);
  };
  auto server = HttpServer::listen(serving.loop, config.listen_address, config.api_port, handler,
                                   api_limits(), transport);
  if (server) (*server)->set_refusal(status_refusal);
  return server;
}

Result<std::unique_ptr<HttpServer>> Adapter::Parts::listen_metrics() {
  const auto handler = [this](const HttpRequest& request, const Respond& respond) {
    respond(self.answer(request));
  };
  return HttpServer::listen(main_loop, config.listen_address, config.metrics_port, handler);
}

SelfState Adapter::Parts::moment() const {
  return {.pods = views.current()->count(system_now().steady),
          .servers = {{"api", api_server->stats()}, {"metrics", metrics_server->stats()}},
          .certificate_expiry = expiry_of(certificate_pem(*transport))};
}

Result<void> Adapter::Parts::listen_keda() {
  if (!config.keda) return {};
  auto server = KedaServer::start(main_loop, keda_scaler, metrics,
                                  {.address = config.listen_address,
                                   .port = config.keda->port,
                                   .tls = {.certificate_file = config.keda->tls_certificate_file,
                                           .key_file = config.keda->tls_key_file,
                                           .client_ca_file = config.keda->client_ca_file},
                                   .clients = KedaClients(config.keda->clients)});
  if (!server) return fail(server.error().with_context("KEDA's scaler"));
  keda = std::move(*server);
  return {};
}

// The JSON door rests on what KEDA's answers remember, where no KedaServer sees to it.
void Adapter::Parts::look_for_keda() {
  look_timer = main_loop.call_after(kLookEvery, [this] { look_for_keda(); });
  keda_answers.look(system_now().steady);
}

void Adapter::Parts::run_threads() {
  collecting.loop.post([this] {
    pods->start([this](const std::shared_ptr<const PodList>& list) { collector.take(list); });
  });
  collecting.start();
  serving.start();
  handshaking.start_behind_others();
  poll_redis();
}

// Each server is drained on its own loop; the metrics port stays open longest.
void Adapter::Parts::drain(std::function<void()> stopped) {
  if (keda) keda->drain(kKedaGrace);
  serving.loop.post([this, stopped = std::move(stopped)] {
    api_server->drain(config.drain_grace, [this, stopped] {
      main_loop.post([this, stopped] { metrics_server->drain(std::chrono::seconds{1}, stopped); });
    });
  });
}

Adapter::Adapter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Adapter::~Adapter() {
  parts_->main_loop.cancel(parts_->shutdown_timer);
  parts_->main_loop.cancel(parts_->look_timer);
}

Result<std::unique_ptr<Adapter>> Adapter::start(const AdapterConfig& config, EventLoop& loop) {
  auto catalogue = Catalogue::make(config.catalogue);
  if (!catalogue) return fail(catalogue.error());
  auto parts = std::make_unique<Parts>(config, std::move(*catalogue), loop);
  auto transport = transport_for(config, parts->handshaking.loop);
  if (!transport) return fail(transport.error());
  parts->transport = std::move(*transport);
  const auto source = config.pods_file.empty() ? parts->use_cluster() : parts->use_file();
  if (!source) return fail(source.error());
  parts->api = std::make_unique<ApiServer>(ApiParts{*parts->gatekeeper, parts->service,
                                                    parts->documents, parts->probes, parts->metrics,
                                                    system_now, &parts->queues, &parts->json_door});
  if (!config.tls_certificate_file.empty()) {
    parts->certificate_files = std::make_unique<CertificateFiles>(
        loop, TlsFiles{config.tls_certificate_file, config.tls_key_file}, parts->transport);
  }
  parts->add_probes();
  auto api_server = parts->listen_api();
  if (!api_server) return fail(api_server.error().with_context("the metrics API"));
  parts->api_server = std::move(*api_server);
  auto metrics_server = parts->listen_metrics();
  if (!metrics_server) return fail(metrics_server.error().with_context("self metrics"));
  parts->metrics_server = std::move(*metrics_server);
  if (const auto keda = parts->listen_keda(); !keda) return fail(keda.error());
  parts->look_for_keda();
  parts->run_threads();
  return std::unique_ptr<Adapter>(new Adapter(std::move(parts)));
}

std::uint16_t Adapter::api_port() const {
  return parts_->api_server->port();
}
std::uint16_t Adapter::metrics_port() const {
  return parts_->metrics_server->port();
}
std::optional<std::uint16_t> Adapter::keda_port() const {
  if (parts_->keda == nullptr) return std::nullopt;
  return parts_->keda->port();
}
std::string Adapter::certificate() const {
  return certificate_pem(*parts_->transport);
}

void Adapter::stop(std::function<void()> stopped) {
  if (parts_->stopping.exchange(true)) return stopped();
  parts_->shutdown_timer = parts_->main_loop.call_after(
      parts_->config.shutdown_delay,
      [this, stopped = std::move(stopped)]() mutable { parts_->drain(std::move(stopped)); });
}

int run_adapter(const AdapterConfig& config) {
  EventLoop loop;
  auto adapter = Adapter::start(config, loop);
  if (!adapter) {
    log_critical("cannot start " + error_fields(adapter.error()));
    return exit_code(adapter.error().code);
  }
  log_info(fmt::format("listening api={} metrics={}",
                       shown(config.listen_address, (*adapter)->api_port()),
                       shown(config.listen_address, (*adapter)->metrics_port())));
  if (const auto port = (*adapter)->keda_port(); port && config.keda) {
    log_info(fmt::format("listening for KEDA keda={} tls={}", shown(config.listen_address, *port),
                         config.keda->tls_certificate_file.empty() ? "none" : "mutual"));
  }
  loop.on_stop_signal([&] {
    log_info("stopping");
    (*adapter)->stop([&loop] { loop.stop(); });
  });
  loop.run();
  log_info("stopped");
  return kExitOk;
}

}  // namespace leadline
