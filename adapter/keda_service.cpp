#include "adapter/keda_service.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>

#include "adapter/keda_push.h"

namespace leadline {
namespace {

using externalscaler::GetMetricSpecResponse;
using externalscaler::GetMetricsRequest;
using externalscaler::GetMetricsResponse;
using externalscaler::IsActiveResponse;
using externalscaler::ScaledObjectRef;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using grpc::ServerWriteReactor;
using grpc::Status;
using grpc::StatusCode;

Status status_of(const Error& error) {
  const StatusCode code = error.code == Errc::kBadInput      ? StatusCode::INVALID_ARGUMENT
                          : error.code == Errc::kUnavailable ? StatusCode::UNAVAILABLE
                                                             : StatusCode::INTERNAL;
  return {code, error.message};
}

std::string_view name_of(StatusCode code) {
  switch (code) {
    case StatusCode::OK:
      return "ok";
    case StatusCode::INVALID_ARGUMENT:
      return "invalid_argument";
    case StatusCode::PERMISSION_DENIED:
      return "permission_denied";
    case StatusCode::UNAVAILABLE:
      return "unavailable";
    case StatusCode::RESOURCE_EXHAUSTED:
      return "resource_exhausted";
    default:
      return "other";
  }
}

void write_spec(const KedaSubject& subject, GetMetricSpecResponse& response) {
  const KedaNumber goal = keda_number(subject.target_value());
  auto* spec = response.add_metricspecs();
  spec->set_metricname(subject.metric_name());
  spec->set_targetsize(goal.whole);
  spec->set_targetsizefloat(goal.number);
}

void write_value(const std::string& metric, const KedaValue& value, GetMetricsResponse& response) {
  const KedaNumber number = keda_number(value.value);
  auto* item = response.add_metricvalues();
  item->set_metricname(metric);
  item->set_metricvalue(number.whole);
  item->set_metricvaluefloat(number.number);
}

Status may_ask(const KedaClients* clients, const CallbackServerContext& call,
               const std::string& namespace_name) {
  if (clients == nullptr) return Status::OK;
  std::vector<std::string> sans;
  for (const auto& san : call.auth_context()->FindPropertyValues(GRPC_X509_SAN_PROPERTY_NAME)) {
    sans.emplace_back(san.data(), san.size());
  }
  if (clients->may_ask(sans, namespace_name)) return Status::OK;
  return {StatusCode::PERMISSION_DENIED,
          fmt::format("this client certificate may not ask about namespace \"{}\": keda_clients "
                      "says who may",
                      namespace_name.substr(0, 63))};
}

class ActivityStream final : public KedaWriter<IsActiveResponse> {
 public:
  ActivityStream(KedaContext& context, std::shared_ptr<KedaSubject> subject)
      : KedaWriter(context.streams), context_(context), subject_(std::move(subject)) {}

  [[nodiscard]] const std::string& namespace_name() const override {
    return subject_->namespace_name();
  }

  // From the loop, and once, before, from gRPC's thread.
  void tick(SteadyTime now) override {
    const std::lock_guard lock(mutex_);
    if (!idle()) return;
    const auto active = subject_->active(now);
    if (!active) return;  // unknown is no news
    if (!*active) subject_->await_work(now);
    if (!push_.due(*active, subject_->believed_at_zero(now), now)) return;
    IsActiveResponse message;
    message.set_result(true);
    if (send(message)) context_.metrics.count_keda_push();
  }

 private:
  KedaContext& context_;
  std::shared_ptr<KedaSubject> subject_;
  std::mutex mutex_;
  KedaPush push_;
};

// A trigger's spec is its metadata's, so that there is nothing new to say after the first.
class SpecStream final : public KedaWriter<GetMetricSpecResponse> {
 public:
  SpecStream(KedaContext& context, std::shared_ptr<KedaSubject> subject)
      : KedaWriter(context.streams), subject_(std::move(subject)) {}

  [[nodiscard]] const std::string& namespace_name() const override {
    return subject_->namespace_name();
  }

  void tick(SteadyTime /*now*/) override {
    if (said_.exchange(true)) return;
    GetMetricSpecResponse message;
    write_spec(*subject_, message);
    static_cast<void>(send(message));
  }

 private:
  std::shared_ptr<KedaSubject> subject_;
  std::atomic<bool> said_ = false;
};

// A stream that only ends.
template <typename Message>
class RefusedStream final : public grpc::ServerWriteReactor<Message> {
 public:
  explicit RefusedStream(const Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

Status KedaContext::read(const CallbackServerContext& call, const ScaledObjectRef& ref,
                         std::shared_ptr<KedaSubject>& subject) const {
  if (Status status = may_ask(clients, call, ref.namespace_()); !status.ok()) return status;
  const Labels metadata(ref.scalermetadata().begin(), ref.scalermetadata().end());
  auto named = scaler.subject(ref.namespace_(), metadata, clock().steady);
  if (!named) return status_of(named.error());
  subject = std::move(*named);
  return Status::OK;
}

ServerUnaryReactor* KedaService::answer(CallbackServerContext& call, std::string_view method,
                                        const Status& status) {
  context_.metrics.count_keda_call(method, name_of(status.error_code()));
  auto* reactor = call.DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

ServerUnaryReactor* KedaService::IsActive(CallbackServerContext* call, const ScaledObjectRef* ref,
                                          IsActiveResponse* response) {
  std::shared_ptr<KedaSubject> subject;
  Status status = context_.read(*call, *ref, subject);
  if (status.ok()) {
    const auto active = subject->active(context_.clock().steady);
    if (!active) status = status_of(active.error());
    response->set_result(active.value_or(false));
  }
  return answer(*call, "IsActive", status);
}

ServerUnaryReactor* KedaService::GetMetricSpec(CallbackServerContext* call,
                                               const ScaledObjectRef* ref,
                                               GetMetricSpecResponse* response) {
  std::shared_ptr<KedaSubject> subject;
  const Status status = context_.read(*call, *ref, subject);
  if (status.ok()) write_spec(*subject, *response);
  return answer(*call, "GetMetricSpec", status);
}

ServerUnaryReactor* KedaService::GetMetrics(CallbackServerContext* call,
                                            const GetMetricsRequest* request,
                                            GetMetricsResponse* response) {
  std::shared_ptr<KedaSubject> subject;
  Status status = context_.read(*call, request->scaledobjectref(), subject);
  if (status.ok()) {
    const auto value = subject->value(context_.clock().steady);
    if (value) {
      write_value(request->metricname(), *value, *response);
      if (value->sample_age) context_.metrics.observe_keda_sample_age(value->sample_age->count());
    } else {
      status = status_of(value.error());
    }
  }
  return answer(*call, "GetMetrics", status);
}

ServerWriteReactor<IsActiveResponse>* KedaService::StreamIsActive(CallbackServerContext* call,
                                                                  const ScaledObjectRef* ref) {
  return stream<ActivityStream, IsActiveResponse>(*call, *ref, "StreamIsActive");
}

ServerWriteReactor<GetMetricSpecResponse>* KedaService::StreamMetricSpec(
    CallbackServerContext* call, const ScaledObjectRef* ref) {
  return stream<SpecStream, GetMetricSpecResponse>(*call, *ref, "StreamMetricSpec");
}

template <typename Stream, typename Message>
ServerWriteReactor<Message>* KedaService::stream(const CallbackServerContext& call,
                                                 const ScaledObjectRef& ref,
                                                 std::string_view method) {
  std::shared_ptr<KedaSubject> subject;
  const Status status = context_.read(call, ref, subject);
  context_.metrics.count_keda_call(method, name_of(status.error_code()));
  if (!status.ok()) return new RefusedStream<Message>(status);
  const auto stream = std::make_shared<Stream>(context_, std::move(subject));
  stream->begin(stream, context_.clock().steady);
  return stream.get();  // its own owner until OnDone
}

}  // namespace leadline
