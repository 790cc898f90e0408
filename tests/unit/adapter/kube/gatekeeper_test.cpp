#include "adapter/kube/gatekeeper.h"

#include <atomic>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/unit/adapter/kube/certificates.h"
#include "tests/unit/adapter/kube/stub_kube.h"
#include "tests/unit/adapter/kube/waiting.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::make_certificate;
using test::root_authority;
using test::StubReply;
using test::StubRequest;
using Texts = std::vector<std::string>;

const char* const kReviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const char* const kTokens = "/apis/authentication.k8s.io/v1/tokenreviews";

class KubeGatekeeperTest : public testing::Test, protected test::Waiting {
 protected:
  KubeGatekeeperTest() {
    client_ = std::move(*KubeClient::start({.server = stub_.url()}));
    loop_.call([this] {
      gatekeeper_ = std::make_unique<KubeGatekeeper>(*client_, loop_.loop(), metrics_,
                                                     [this] { return now(); });
    });
    trust({"front-proxy-client"});
  }

 public:
  ~KubeGatekeeperTest() override {
    client_->stop();
    loop_.call([this] { gatekeeper_.reset(); });
  }

 protected:
  [[nodiscard]] Instant now() const {
    Instant instant = system_now();
    instant.steady += seconds{ahead_.load()};
    instant.wall += seconds{ahead_.load()};
    return instant;
  }

  void trust(Texts names) {
    const auto taken = gatekeeper_->trust_changed({.client_ca_pem = clients_.certificate_pem,
                                                   .front_proxy_ca_pem = proxies_.certificate_pem,
                                                   .allowed_names = std::move(names),
                                                   .user_headers = {"X-Remote-User"},
                                                   .uid_headers = {"X-Remote-Uid"},
                                                   .group_headers = {"X-Remote-Group"},
                                                   .extra_prefixes = {"X-Remote-Extra-"}});
    ASSERT_TRUE(taken) << taken.error().message;
    loop_.call([] {});  // it has been taken over
  }

  // "ada: dev,ops", or the status of the refusal.
  std::string who(const HttpRequest& request) {
    const auto promise = std::make_shared<std::promise<std::string>>();
    auto future = promise->get_future();
    loop_.call([&, promise] {
      gatekeeper_->identify(request, [promise](const ApiResult<Caller>& caller) {
        if (!caller) return promise->set_value(std::to_string(caller.error().http_status));
        std::string text = caller->user;
        for (const std::string& group : caller->groups) text += " " + group;
        promise->set_value(text);
      });
    });
    return test::await(future);
  }
  std::string who(const std::shared_ptr<const ClientCertificates>& shown,
                  std::vector<HttpHeader> headers = {{"X-Remote-User", "ada"}}) {
    HttpRequest request;
    request.headers = std::move(headers);
    request.client_certificates = shown;
    return who(request);
  }
  std::string who(const KeyPair& pair,
                  std::vector<HttpHeader> headers = {{"X-Remote-User", "ada"}}) {
    return who(certificates(pair), std::move(headers));
  }
  std::string who_shows(const std::string& token) {
    return who(nullptr, {{"Authorization", "Bearer " + token}});
  }
  static std::shared_ptr<const ClientCertificates> certificates(const KeyPair& pair) {
    return std::make_shared<ClientCertificates>(test::shown({pair.certificate_pem}));
  }

  // "yes", or the refusal's status and message.
  std::string may(const Caller& caller, const AccessRequest& access) {
    const auto promise = std::make_shared<std::promise<std::string>>();
    auto future = promise->get_future();
    loop_.call([&, promise] {
      gatekeeper_->authorise(caller, access, [promise](const std::optional<ApiError>& refusal) {
        promise->set_value(refusal ? fmt::format("{} {}", refusal->http_status, refusal->message)
                                   : "yes");
      });
    });
    return test::await(future);
  }
  static Caller caller(std::string user, Texts groups = {}) {
    return {.user = std::move(user), .uid = {}, .groups = std::move(groups), .extra = {}};
  }
  static AccessRequest path(std::string path) {
    AccessRequest access;
    access.verb = "get";
    access.path = std::move(path);
    return access;
  }

  test::StubKube stub_;
  SelfMetrics metrics_;
  test::LoopThread loop_;
  KeyPair proxies_ = root_authority("proxies"), clients_ = root_authority("clients");
  KeyPair proxy_ = make_certificate(&proxies_, {});
  std::atomic<int> ahead_ = 0;
  std::unique_ptr<KubeClient> client_;
  std::unique_ptr<KubeGatekeeper> gatekeeper_;
};

TEST_F(KubeGatekeeperTest, TheFrontProxyNamesTheCaller) {
  EXPECT_EQ(who(proxy_), "ada system:authenticated");
  EXPECT_EQ(who(proxy_, {{"X-Remote-User", "ada"}, {"X-Remote-Group", "dev"}}),
            "ada dev system:authenticated");
  EXPECT_EQ(who(proxy_, {{"X-Remote-User", "ada"}, {"X-Remote-Group", "system:authenticated"}}),
            "ada system:authenticated");
}

TEST_F(KubeGatekeeperTest, HeadersWithoutItsCertificateMeanNothing) {
  const std::vector<HttpHeader> forged = {{"X-Remote-User", "root"},
                                          {"X-Remote-Group", "system:masters"}};
  EXPECT_EQ(who(nullptr, forged), "system:anonymous system:unauthenticated");
  EXPECT_EQ(who(make_certificate(nullptr, {}), forged), "401");
  const KeyPair client =
      make_certificate(&clients_, {.common_names = {"bob"}, .organizations = {"dev"}});
  EXPECT_EQ(who(client, forged), "bob dev system:authenticated");
}

TEST_F(KubeGatekeeperTest, OnlyAllowedNamesAreFrontProxies) {
  const KeyPair other = make_certificate(&proxies_, {.common_names = {"other"}});
  EXPECT_EQ(who(other), "401");
  trust({});
  EXPECT_EQ(who(other), "ada system:authenticated");
  EXPECT_EQ(who(make_certificate(&proxies_, {.usage = "serverAuth"})), "401");
  EXPECT_EQ(who(make_certificate(&proxies_, {.from = hours{-9}, .until = hours{-1}})), "401");
}

TEST_F(KubeGatekeeperTest, WithoutAUserOrWithBadHeadersItNamesNobody) {
  EXPECT_EQ(who(proxy_, {}), "401");
  EXPECT_EQ(who(proxy_, {{"X-Remote-Group", "system:masters"}}), "401");
  EXPECT_EQ(who(proxy_, {{"X-Remote-User", "ada"}, {"X-Remote-User", "root"}}), "401");
}

TEST_F(KubeGatekeeperTest, ACertificateWithoutACommonNameNamesNobody) {
  const KeyPair nameless =
      make_certificate(&clients_, {.common_names = {}, .organizations = {"system:masters"}});
  EXPECT_EQ(who(nameless), "401");
}

TEST_F(KubeGatekeeperTest, AConnectionOutlivesNoChangeOfTrust) {
  const auto connection = certificates(proxy_);
  EXPECT_EQ(who(connection), "ada system:authenticated");
  const KeyPair old = proxies_;
  proxies_ = root_authority("proxies");
  trust({"front-proxy-client"});
  EXPECT_EQ(who(connection), "401");
  proxies_.certificate_pem += old.certificate_pem;
  trust({"front-proxy-client"});
  EXPECT_EQ(who(connection), "ada system:authenticated");
}

TEST_F(KubeGatekeeperTest, AConnectionOutlivesItsCertificateByTenSecondsAtMost) {
  const auto connection = certificates(make_certificate(&proxies_, {.until = hours{1}}));
  EXPECT_EQ(who(connection), "ada system:authenticated");
  ahead_ = 3'605;
  EXPECT_EQ(who(connection), "401");
}

TEST_F(KubeGatekeeperTest, ABrokenBundleChangesNothing) {
  const auto refused =
      gatekeeper_->trust_changed({.front_proxy_ca_pem = "junk", .user_headers = {"X-Remote-User"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "requestheader-client-ca-file: the CA bundle holds no certificate");
  EXPECT_FALSE(gatekeeper_->trust_changed(
      {.client_ca_pem = "junk", .front_proxy_ca_pem = proxies_.certificate_pem}));
  EXPECT_EQ(who(proxy_), "ada system:authenticated");
}

TEST_F(KubeGatekeeperTest, UntilTheConfigMapIsReadNoCertificateCounts) {
  std::unique_ptr<KubeGatekeeper> fresh;
  loop_.call([&] {
    fresh = std::make_unique<KubeGatekeeper>(*client_, loop_.loop(), metrics_, system_now);
    gatekeeper_.swap(fresh);
  });
  EXPECT_FALSE(gatekeeper_->trusts());
  EXPECT_EQ(who(proxy_), "401");
  EXPECT_EQ(who(nullptr), "system:anonymous system:unauthenticated");
  loop_.call([&] {
    gatekeeper_.swap(fresh);
    fresh.reset();
  });
}

TEST_F(KubeGatekeeperTest, ATokenIsReviewedAndRemembered) {
  stub_.know_token("good", {{"username", "ada"}, {"groups", {"dev"}}});
  EXPECT_EQ(who_shows("good"), "ada dev system:authenticated");
  EXPECT_EQ(who_shows("good"), "ada dev system:authenticated");
  EXPECT_EQ(who_shows("bad"), "401");
  EXPECT_EQ(who_shows("bad"), "401");
  EXPECT_EQ(stub_.count("POST", kTokens), 2U);
  ahead_ = 11;
  EXPECT_EQ(who_shows("good"), "ada dev system:authenticated");
  EXPECT_EQ(stub_.count("POST", kTokens), 3U);
}

TEST_F(KubeGatekeeperTest, SeveralTokensOrAnotherSchemeAre401) {
  stub_.know_token("good", {{"username", "ada"}});
  EXPECT_EQ(who(nullptr, {{"Authorization", "Bearer good"}, {"Authorization", "Bearer good"}}),
            "401");
  EXPECT_EQ(who(nullptr, {{"Authorization", "Basic good"}}), "401");
  EXPECT_EQ(stub_.count("POST", kTokens), 0U);
  // A certificate that names nobody and a token that names somebody: the token counts.
  EXPECT_EQ(who(make_certificate(nullptr, {}), {{"Authorization", "Bearer good"}}),
            "ada system:authenticated");
}

TEST_F(KubeGatekeeperTest, AReviewThatFailsIsTriedAgainThenIsNobodys) {
  stub_.know_token("good", {{"username", "ada"}});
  const auto failures = std::make_shared<std::atomic<int>>(2);
  stub_.set_script([=](const StubRequest&) -> std::optional<StubReply> {
    if ((*failures)-- <= 0) return std::nullopt;
    return StubReply{.status = 500, .body = "{}", .headers = {}};
  });
  EXPECT_EQ(who_shows("good"), "ada system:authenticated");
  *failures = 100;
  EXPECT_EQ(who_shows("other"), "401");
  *failures = 0;
  stub_.know_token("other", {{"username", "bob"}});
  EXPECT_EQ(who_shows("other"), "bob system:authenticated") << "a failure is not remembered";
}

TEST_F(KubeGatekeeperTest, AccessIsAskedForOnceAndRemembered) {
  stub_.set_access([](const json& spec) { return spec["user"] == "ada"; });
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(may(caller("ada"), path("/version")), "yes");
    EXPECT_EQ(may(caller("bob"), path("/version")),
              "403 User \"bob\" cannot get path \"/version\": the stub says no");
  }
  EXPECT_EQ(stub_.count("POST", kReviews), 2U);
  ahead_ = 11;
  EXPECT_EQ(may(caller("bob"), path("/version")).substr(0, 3), "403");
  EXPECT_EQ(stub_.count("POST", kReviews), 3U);
}

TEST_F(KubeGatekeeperTest, SimultaneousQuestionsAreOne) {
  stub_.hang(kReviews);
  std::atomic<int> allowed = 0;
  loop_.call([&] {
    for (int i = 0; i < 50; ++i) {
      gatekeeper_->authorise(caller("ada"), path("/x"),
                             [&](const std::optional<ApiError>& refusal) { allowed += !refusal; });
    }
  });
  ASSERT_TRUE(eventually([this] { return stub_.count("POST", kReviews) == 1; }));
  stub_.hang("");
  EXPECT_TRUE(eventually([&] { return allowed == 50; }));
  EXPECT_EQ(stub_.count("POST", kReviews), 1U);
}

TEST_F(KubeGatekeeperTest, WithoutADecisionItIs500AndAskedAgain) {
  stub_.set_script([](const StubRequest&) -> std::optional<StubReply> {
    return StubReply{.status = 403, .body = "{}", .headers = {}};
  });
  EXPECT_EQ(may(caller("ada"), path("/x")).substr(0, 3), "500");
  stub_.set_script([](const StubRequest&) -> std::optional<StubReply> {
    return StubReply{.status = 201, .body = "garbage", .headers = {}};
  });
  EXPECT_EQ(may(caller("ada"), path("/x")).substr(0, 3), "500");
  stub_.set_script(nullptr);
  EXPECT_EQ(may(caller("ada"), path("/x")), "yes");
  EXPECT_NE(
      metrics_.text({}).find("leadline_adapter_kube_review_failures_total{kind=\"access\"} 2\n"),
      std::string::npos);
}

TEST_F(KubeGatekeeperTest, MastersAndTheAggregatorsProbesAskNobody) {
  stub_.set_access([](const json&) { return false; });
  EXPECT_EQ(may(caller("root", {"system:masters"}), path("/anything")), "yes");
  for (const char* user : {"system:kube-aggregator", "system:aggregator"}) {
    EXPECT_EQ(may(caller(user), path("/apis")), "yes");
    EXPECT_EQ(may(caller(user), path("/apis/custom.metrics.k8s.io/v1beta1")), "yes");
    EXPECT_EQ(may(caller(user), path("/openapi/v2")), "yes");
  }
  EXPECT_EQ(stub_.count("POST", kReviews), 0U);
  EXPECT_EQ(may(caller("system:aggregator"), path("/metrics")).substr(0, 3), "403");
  EXPECT_EQ(may(caller("system:aggregator"), path("/apisx")).substr(0, 3), "403");
  EXPECT_EQ(may(caller("ada"), path("/apis")).substr(0, 3), "403");
  AccessRequest metric = path("/apis/custom.metrics.k8s.io/v1beta1/namespaces/ns/pods/*/m");
  metric.group = "custom.metrics.k8s.io";
  EXPECT_EQ(may(caller("system:aggregator"), metric).substr(0, 3), "403");
}

}  // namespace
}  // namespace leadline
