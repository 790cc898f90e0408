#include "adapter/keda_server.h"

#include <atomic>
#include <utility>

#include <fmt/format.h>
#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include "adapter/keda_credentials.h"
#include "adapter/keda_grpc_log.h"
#include "adapter/keda_service.h"
#include "daemon/http_url.h"

namespace leadline {
namespace {

constexpr std::chrono::milliseconds kTick{50};
constexpr int kMinute = 60'000;          // ms
constexpr int kHandshake = kMinute / 6;  // gRPC's own is 2 minutes, which a stranger may spend
constexpr int kConnectionIdle = 5 * kMinute;
// A stream has ended by itself (KedaStreams) before its aged connection is cut off.
constexpr int kConnectionAge = 30 * kMinute;  // gRPC adds or takes off a tenth by chance
constexpr int kConnectionAgeGrace = 40 * kMinute;
// KEDA has all its streams and calls on one connection; grpc-go believes in 100 until told.
constexpr int kMaxStreamsOfConnection = 20'000;
constexpr int kMaxRequest = 64 * 1024;  // bytes: a trigger's metadata is a few hundred
constexpr int kMaxHeaders = 8 * 1024;   // bytes: KEDA's are a few hundred
constexpr std::size_t kMaxMemory = 192 * 1024 * 1024;  // bytes, of what gRPC counts of itself

std::string endpoint(const KedaServerOptions& options) {
  return fmt::format("{}:{}", url_host(options.address), options.port);
}

void set_limits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxRequest);
  builder.SetResourceQuota(grpc::ResourceQuota("keda").Resize(kMaxMemory));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaders);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshake);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kConnectionIdle);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsOfConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAge);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGrace);
  // KEDA sends no keepalive: a node that vanished would keep its streams.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kMinute);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kMinute / 3);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

}  // namespace

struct KedaServer::Parts {
  Parts(EventLoop& given_loop, KedaScaler& scaler, SelfMetrics& metrics, KedaServerOptions given)
      : loop(given_loop),
        options(std::move(given)),
        context{.scaler = scaler,
                .metrics = metrics,
                .clients = options.tls.is_used() ? &options.clients : nullptr,
                .clock = options.clock,
                .streams = {}} {}

  void tick() {
    timer = loop.call_after(kTick, [this] { tick(); });
    const SteadyTime now = options.clock().steady;
    context.scaler.look(now);
    context.streams.tick(now);
    context.metrics.set_keda_streams(context.streams.size());
  }

  // Once for however many calls came before it ran.
  void wake() {
    if (waking.exchange(true)) return;
    loop.post([this] {
      waking = false;
      context.streams.tick(options.clock().steady);
    });
  }

  EventLoop& loop;
  KedaServerOptions options;
  KedaContext context;
  KedaService service{context};
  int port = 0;
  std::unique_ptr<grpc::Server> server;
  TimerId timer = 0;
  std::atomic<bool> waking = false;
};

KedaServer::KedaServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

KedaServer::~KedaServer() {
  parts_->loop.cancel(parts_->timer);
  drain(std::chrono::milliseconds{0});
}

Result<std::unique_ptr<KedaServer>> KedaServer::start(EventLoop& loop, KedaScaler& scaler,
                                                      SelfMetrics& metrics,
                                                      KedaServerOptions options) {
  const auto credentials = keda_credentials(options.tls);
  if (!credentials) return fail(credentials.error());
  log_grpc();
  auto parts = std::make_unique<Parts>(loop, scaler, metrics, std::move(options));
  grpc::ServerBuilder builder;
  set_limits(builder);
  builder.AddListeningPort(endpoint(parts->options), *credentials, &parts->port);
  builder.RegisterService(&parts->service);
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || parts->port == 0) {
    return fail(Errc::kUnavailable, "cannot listen at {}", endpoint(parts->options));
  }
  parts->tick();
  return std::unique_ptr<KedaServer>(new KedaServer(std::move(parts)));
}

std::uint16_t KedaServer::port() const {
  return static_cast<std::uint16_t>(parts_->port);
}

void KedaServer::wake() {
  parts_->wake();
}

void KedaServer::drain(std::chrono::milliseconds grace) {
  if (parts_->server == nullptr) return;
  parts_->context.streams.end_all();
  // gRPC's own clock, by which it waits: ours may be a test's, and a wall clock may jump.
  parts_->server->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                        gpr_time_from_millis(grace.count(), GPR_TIMESPAN)));
  parts_->server.reset();
}

}  // namespace leadline
