// KedaService answers KEDA's calls and holds its streams: metadata and certificate in, KedaScaler's
// decision out. keda_server's own. Source: contracts/keda.md §1 (KEDA v2.21.0); gRPC 1.51 callback
// API.
//
// gRPC's threads call it; nothing that they run waits, so that a call needs no deadline of ours.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <grpcpp/grpcpp.h>

#include "adapter/keda_clients.h"
#include "adapter/keda_scaler.h"
#include "adapter/keda_streams.h"
#include "adapter/self_metrics.h"
#include "base/clock.h"
#include "keda_externalscaler.grpc.pb.h"

namespace leadline {

// What each call needs; outlives the gRPC server.
struct KedaContext {
  KedaScaler& scaler;
  SelfMetrics& metrics;
  const KedaClients* clients;  // nullptr: without TLS, where everybody may ask
  const Clock& clock;
  KedaStreams streams;

  // OK, INVALID_ARGUMENT, or PERMISSION_DENIED where the certificate does not speak for the
  // namespace.
  [[nodiscard]] grpc::Status read(const grpc::CallbackServerContext& call,
                                  const externalscaler::ScaledObjectRef& ref,
                                  std::shared_ptr<KedaSubject>& subject) const;
};

class KedaService final : public externalscaler::ExternalScaler::CallbackService {
 public:
  explicit KedaService(KedaContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* IsActive(grpc::CallbackServerContext* call,
                                     const externalscaler::ScaledObjectRef* ref,
                                     externalscaler::IsActiveResponse* response) override;
  grpc::ServerUnaryReactor* GetMetricSpec(grpc::CallbackServerContext* call,
                                          const externalscaler::ScaledObjectRef* ref,
                                          externalscaler::GetMetricSpecResponse* response) override;
  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* call,
                                       const externalscaler::GetMetricsRequest* request,
                                       externalscaler::GetMetricsResponse* response) override;
  grpc::ServerWriteReactor<externalscaler::IsActiveResponse>* StreamIsActive(
      grpc::CallbackServerContext* call, const externalscaler::ScaledObjectRef* ref) override;
  grpc::ServerWriteReactor<externalscaler::GetMetricSpecResponse>* StreamMetricSpec(
      grpc::CallbackServerContext* call, const externalscaler::ScaledObjectRef* ref) override;

 private:
  grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& call, std::string_view method,
                                   const grpc::Status& status);
  template <typename Stream, typename Message>
  grpc::ServerWriteReactor<Message>* stream(const grpc::CallbackServerContext& call,
                                            const externalscaler::ScaledObjectRef& ref,
                                            std::string_view method);

  KedaContext& context_;
};

}  // namespace leadline
