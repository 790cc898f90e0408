#include "adapter/kube/certificate_keeper.h"

#include <mutex>

#include <gtest/gtest.h>

#include "adapter/base64.h"
#include "adapter/kube/objects.h"
#include "tests/unit/adapter/kube/stub_kube.h"
#include "tests/unit/adapter/kube/waiting.h"

namespace leadline {
namespace {

using nlohmann::json;
using test::kApiServicesPath;
using test::StubKube;
using test::StubReply;
using test::StubRequest;

const std::string kSecrets = "/api/v1/namespaces/leadline/secrets";
const std::string kSecret = "leadline-adapter-certificate";
const std::string kCustom = "v1beta1.custom.metrics.k8s.io";

json api_service(const std::string& name, const char* service = "leadline-adapter") {
  return {
      {"metadata", {{"name", name}}},
      {"spec", {{"service", {{"name", service}, {"namespace", "leadline"}}}, {"version", "x"}}}};
}

// One replica of the adapter, as far as its certificate goes.
class Replica {
 public:
  explicit Replica(const StubKube& stub, std::chrono::hours ahead = {})
      : client_(std::move(*KubeClient::start({.server = stub.url()}))),
        keeper_(
            *client_, metrics_, {}, [this](const KeyPair& pair) { return use(pair); },
            [ahead] {
              Instant now = system_now();
              now.wall += ahead;
              return now;
            }) {
    keeper_.start();
  }
  ~Replica() { client_->stop(); }
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  [[nodiscard]] std::string metrics() { return metrics_.text({}); }
  [[nodiscard]] bool ready() const { return keeper_.has_certificate(); }
  KeyPair used() {
    const std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  Result<void> use(const KeyPair& pair) {
    const std::lock_guard lock(mutex_);
    used_ = pair;
    return {};
  }

  std::mutex mutex_;
  KeyPair used_;
  SelfMetrics metrics_;
  std::unique_ptr<KubeClient> client_;
  CertificateKeeper keeper_;
};

class CertificateKeeperTest : public testing::Test, protected test::Waiting {
 protected:
  std::optional<ServingCertificate> stored() {
    const auto secret = stub_.object(kSecrets, kSecret);
    return secret ? certificate_in_secret(*secret) : std::nullopt;
  }
  std::string bundle_of(const std::string& name) {
    const auto service = stub_.object(kApiServicesPath, name);
    return service ? text_at(*service, {"spec", "caBundle"}) : "absent";
  }

  StubKube stub_;
};

TEST_F(CertificateKeeperTest, TheFirstReplicaMakesWhatAllServe) {
  stub_.put(kApiServicesPath, api_service(kCustom));
  Replica one(stub_);
  Replica two(stub_);
  ASSERT_TRUE(eventually([&] { return one.ready() && two.ready(); }));
  EXPECT_EQ(one.used(), two.used());
  ASSERT_TRUE(stored());
  EXPECT_EQ(stored()->server, one.used());
  EXPECT_TRUE(serves(one.used(), "leadline-adapter.leadline.svc"));
  EXPECT_TRUE(eventually([&] { return bundle_of(kCustom) == encode_base64(stored()->ca_bundle); }));
  EXPECT_EQ(stub_.object(kApiServicesPath, kCustom)->at("spec").at("version"), "x")
      << "nothing else is touched";
}

TEST_F(CertificateKeeperTest, WhatIsThereIsServedAndNotWritten) {
  const auto made = renewed(std::nullopt, "leadline-adapter.leadline.svc", system_now().wall);
  stub_.put(kSecrets, json::parse(secret_with(*made, "leadline", kSecret, "")));
  Replica one(stub_);
  ASSERT_TRUE(eventually([&] { return one.ready(); }));
  EXPECT_EQ(one.used(), made->server);
  EXPECT_EQ(stub_.count("PUT", kSecrets + "/" + kSecret), 0U);
  EXPECT_EQ(stub_.count("POST", kSecrets), 0U);
}

TEST_F(CertificateKeeperTest, AnEmptiedSecretIsFilledAnew) {
  stub_.put(kSecrets, {{"metadata", {{"name", kSecret}, {"namespace", "leadline"}}}});
  Replica one(stub_);
  ASSERT_TRUE(eventually([&] { return one.ready(); }));
  ASSERT_TRUE(stored());
  EXPECT_EQ(stored()->server, one.used());
  EXPECT_EQ(stub_.count("PUT", kSecrets + "/" + kSecret), 1U);
}

TEST_F(CertificateKeeperTest, SomebodyElsesApiServiceIsLeftAlone) {
  stub_.put(kApiServicesPath, api_service(kCustom, "prometheus-adapter"));
  stub_.put(kApiServicesPath, api_service("v1beta1.external.metrics.k8s.io"));
  Replica one(stub_);
  EXPECT_TRUE(eventually([&] {
    return stored() &&
           bundle_of("v1beta1.external.metrics.k8s.io") == encode_base64(stored()->ca_bundle);
  }));
  EXPECT_EQ(bundle_of(kCustom), "");
  EXPECT_EQ(stub_.count("PATCH", kApiServicesPath + "/" + kCustom), 0U);
}

TEST_F(CertificateKeeperTest, WhatNearsItsEndIsReplacedAndBothAuthoritiesAreBelieved) {
  stub_.put(kApiServicesPath, api_service(kCustom));
  const auto made = renewed(std::nullopt, "leadline-adapter.leadline.svc", system_now().wall);
  stub_.put(kSecrets, json::parse(secret_with(*made, "leadline", kSecret, "")));
  Replica one(stub_, std::chrono::hours{24 * (3650 - 300)});
  ASSERT_TRUE(eventually([&] { return one.ready(); }));
  EXPECT_NE(one.used(), made->server);
  EXPECT_EQ(stored()->server, one.used());
  const std::string both = stored()->authority.certificate_pem + made->authority.certificate_pem;
  EXPECT_EQ(stored()->ca_bundle, both);
  EXPECT_TRUE(eventually([&] { return bundle_of(kCustom) == encode_base64(both); }));
}

TEST_F(CertificateKeeperTest, WhoLosesTheRaceServesWhatTheWinnerWrote) {
  const auto winners = renewed(std::nullopt, "leadline-adapter.leadline.svc", system_now().wall);
  const auto once = std::make_shared<std::atomic<bool>>(false);
  stub_.set_script([this, once, winners](const StubRequest& request) -> std::optional<StubReply> {
    if (request.method != "POST" || once->exchange(true)) return std::nullopt;
    stub_.put(kSecrets, json::parse(secret_with(*winners, "leadline", kSecret, "")));
    return std::nullopt;  // which is a 409 now
  });
  Replica one(stub_);
  ASSERT_TRUE(eventually([&] { return one.ready(); }));
  EXPECT_EQ(one.used(), winners->server);
}

// Else the other replicas would not be believed until they have read what the first one made.
TEST_F(CertificateKeeperTest, ADeletedSecretComesBackWithTheSameAuthority) {
  stub_.put(kApiServicesPath, api_service(kCustom));
  const auto once = std::make_shared<std::atomic<bool>>(false);
  const auto bundle = std::make_shared<std::string>();
  stub_.set_script([=, this](const StubRequest& request) -> std::optional<StubReply> {
    if (request.method != "PATCH" || once->exchange(true)) return std::nullopt;
    *bundle = stored()->ca_bundle;
    stub_.remove(kSecrets, kSecret);
    return StubReply{.status = 500, .body = "{}", .headers = {}};  // so that it begins anew
  });
  Replica one(stub_);
  ASSERT_TRUE(eventually([&] { return *once && stored() && !bundle_of(kCustom).empty(); }));
  EXPECT_EQ(stored()->ca_bundle, *bundle);
  EXPECT_EQ(stored()->server, one.used());
  EXPECT_EQ(bundle_of(kCustom), encode_base64(*bundle));
}

TEST_F(CertificateKeeperTest, AServerThatFailsIsAskedAgain) {
  const auto failures = std::make_shared<std::atomic<int>>(1);
  stub_.set_script([=](const StubRequest&) -> std::optional<StubReply> {
    if ((*failures)-- <= 0) return std::nullopt;
    return StubReply{.status = 500, .body = "{}", .headers = {}};
  });
  Replica one(stub_);
  EXPECT_TRUE(eventually([&] { return one.ready(); }));
  EXPECT_EQ(stub_.count("GET", kSecrets + "/" + kSecret), 2U);
  EXPECT_NE(one.metrics().find("leadline_adapter_certificate_failures_total 1\n"),
            std::string::npos);
}

}  // namespace
}  // namespace leadline
