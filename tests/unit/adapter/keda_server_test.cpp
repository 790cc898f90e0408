#include "adapter/keda_server.h"

#include <thread>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "keda_externalscaler.grpc.pb.h"
#include "tests/required.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using externalscaler::ExternalScaler;
using externalscaler::GetMetricSpecResponse;
using externalscaler::GetMetricsRequest;
using externalscaler::GetMetricsResponse;
using externalscaler::IsActiveResponse;
using externalscaler::ScaledObjectRef;
using test::noon;
using test::pod_of;
using test::ViewBuilder;

KedaServerOptions plain() {
  return {.address = "127.0.0.1", .clock = noon};
}

class KedaServerTest : public testing::Test {
 public:
  KedaServerTest(const KedaServerTest&) = delete;
  KedaServerTest& operator=(const KedaServerTest&) = delete;
  ~KedaServerTest() override {
    loop_.stop();
    thread_.join();
    server_.reset();
  }

 protected:
  KedaServerTest() {
    views_.publish(ViewBuilder()
                       .with(pod_of("a"), {.queue_depth = 0.25, .running = 2})
                       .with(pod_of("b", "idle"), {})
                       .silent(pod_of("c", "silent"))
                       .build());
    server_ = required(KedaServer::start(loop_, scaler_, metrics_, plain()));
    thread_ = std::thread([this] { loop_.run(); });
    stub_ = ExternalScaler::NewStub(grpc::CreateChannel(
        fmt::format("127.0.0.1:{}", server_->port()), grpc::InsecureChannelCredentials()));
  }
  static ScaledObjectRef ref(const std::string& workload) {
    ScaledObjectRef ref;
    ref.set_namespace_("ns");
    auto& metadata = *ref.mutable_scalermetadata();
    if (!workload.empty()) metadata["workload"] = workload;
    metadata["targetValue"] = "1.5";
    metadata["scaleToZero"] = "true";
    return ref;
  }
  [[nodiscard]] grpc::Status metrics(const std::string& workload, GetMetricsResponse& response) {
    GetMetricsRequest request;
    *request.mutable_scaledobjectref() = ref(workload);
    request.set_metricname("asked");
    grpc::ClientContext call;
    return stub_->GetMetrics(&call, request, &response);
  }

  void drain() {
    loop_.post([this] { server_->drain(std::chrono::seconds{5}); });
  }

  ViewCell views_;
  Catalogue catalogue_ = std::move(*Catalogue::make({}));
  KedaAnswers answers_{views_, catalogue_, {}};
  SelfMetrics metrics_;
  EventLoop loop_;
  QueueBoard queues_{{}};
  RedisConfig redis_{
      .servers = {{.name = "main", .namespaces = {"ns"}}}, .queues = {}, .allowed_addresses = {}};
  RedisPollers servers_{loop_, queues_, metrics_};
  WorkloadThroughput throughput_{views_};
  QueueAnswers queue_answers_{std::chrono::seconds{5}, throughput_};
  KedaScaler scaler_{{answers_, queues_, servers_, redis_, queue_answers_}};
  std::unique_ptr<KedaServer> server_;
  std::thread thread_;
  std::unique_ptr<ExternalScaler::Stub> stub_;
};

TEST_F(KedaServerTest, OneSpecInBothSpellings) {
  GetMetricSpecResponse response;
  grpc::ClientContext call;
  ASSERT_TRUE(stub_->GetMetricSpec(&call, ref("none-such"), &response).ok());
  ASSERT_EQ(response.metricspecs_size(), 1);
  EXPECT_EQ(response.metricspecs(0).metricname(), "in_flight_requests");
  EXPECT_EQ(response.metricspecs(0).targetsize(), 2);
  EXPECT_EQ(response.metricspecs(0).targetsizefloat(), 1.5);
}

TEST_F(KedaServerTest, OneValueInBothSpellings) {
  GetMetricsResponse response;
  ASSERT_TRUE(metrics("llm", response).ok());
  ASSERT_EQ(response.metricvalues_size(), 1);
  EXPECT_EQ(response.metricvalues(0).metricname(), "asked");
  EXPECT_EQ(response.metricvalues(0).metricvalue(), 3);
  EXPECT_EQ(response.metricvalues(0).metricvaluefloat(), 2.25);
}

TEST_F(KedaServerTest, UnknownIsUnavailableWithTheReason) {
  GetMetricsResponse response;
  const grpc::Status status = metrics("silent", response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(status.error_message().find("coverage"), std::string::npos) << status.error_message();
}

TEST_F(KedaServerTest, MalformedMetadataIsAnInvalidArgument) {
  GetMetricsResponse response;
  EXPECT_EQ(metrics("", response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  grpc::ClientContext call;
  const auto stream = stub_->StreamIsActive(&call, ref(""));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(KedaServerTest, ActivityIsTheWorkloads) {
  const auto active = [&](const std::string& workload) {
    IsActiveResponse response;
    grpc::ClientContext call;
    EXPECT_TRUE(stub_->IsActive(&call, ref(workload), &response).ok());
    return response.result();
  };
  EXPECT_TRUE(active("llm"));
  EXPECT_FALSE(active("idle"));
}

TEST_F(KedaServerTest, AStreamSaysTrueWhenWorkComesAndEndsWithOk) {
  grpc::ClientContext call;
  const auto stream = stub_->StreamIsActive(&call, ref("idle"));
  views_.publish(ViewBuilder().with(pod_of("b", "idle"), {.running = 1}).build());
  IsActiveResponse said;
  ASSERT_TRUE(stream->Read(&said));
  EXPECT_TRUE(said.result());
  drain();
  EXPECT_FALSE(stream->Read(&said));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KedaServerTest, TheSpecIsPushedWhenItsStreamOpens) {
  grpc::ClientContext call;
  const auto stream = stub_->StreamMetricSpec(&call, ref("llm"));
  GetMetricSpecResponse said;
  ASSERT_TRUE(stream->Read(&said));
  EXPECT_EQ(said.metricspecs_size(), 1);
  drain();
  EXPECT_FALSE(stream->Read(&said));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KedaServerTest, WhatWasAskedAndToldIsCounted) {
  GetMetricsResponse response;
  ASSERT_TRUE(metrics("llm", response).ok());
  ASSERT_FALSE(metrics("", response).ok());
  const std::string page = metrics_.text({});
  for (const char* line :
       {"leadline_adapter_keda_requests_total{code=\"ok\",method=\"GetMetrics\"} 1",
        "leadline_adapter_keda_requests_total{code=\"invalid_argument\",method=\"GetMetrics\"} 1",
        "leadline_adapter_keda_sample_age_seconds_count 1",
        "leadline_adapter_keda_sample_age_seconds_sum 1.5"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << " is not in " << page;
  }
}

TEST_F(KedaServerTest, ATakenPortIsSaidAndNotShared) {
  KedaServerOptions options = plain();
  options.port = server_->port();
  const auto second = KedaServer::start(loop_, scaler_, metrics_, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kUnavailable);
}

TEST_F(KedaServerTest, FilesThatCannotBeReadAreSaidAtTheStart) {
  KedaServerOptions options = plain();
  options.tls = {"/none.crt", "/none.key", "/none.ca"};
  const auto second = KedaServer::start(loop_, scaler_, metrics_, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kBadConfig);
  EXPECT_NE(second.error().message.find("keda_tls_cert_file"), std::string::npos);
}

}  // namespace
}  // namespace leadline
