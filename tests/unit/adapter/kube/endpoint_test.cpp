#include "adapter/kube/endpoint.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "adapter/base64.h"

namespace leadline {
namespace {

namespace fs = std::filesystem;

class EndpointTest : public testing::Test {
 protected:
  EndpointTest() {
    std::string name = fs::temp_directory_path() / "endpoint-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }

 public:
  ~EndpointTest() override { fs::remove_all(folder_); }

 protected:
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  // With one context `c`; `cluster` and `user` are YAML's inner maps.
  [[nodiscard]] Result<KubeEndpoint> read(const std::string& cluster,
                                          const std::string& user) const {
    return kubeconfig_endpoint(
        write("config", fmt::format("current-context: c\n"
                                    "contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
                                    "clusters: [{{name: other, cluster: {{server: x}}}}, "
                                    "{{name: k, cluster: {{{}}}}}]\n"
                                    "users: [{{name: u, user: {{{}}}}}]\n",
                                    cluster, user)));
  }

  void refused(const Result<KubeEndpoint>& endpoint, const std::vector<std::string>& words) const {
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(endpoint.error().code, Errc::kBadConfig);
    for (const std::string& word : words)
      EXPECT_NE(endpoint.error().message.find(word), std::string::npos) << word << "\n"
                                                                        << endpoint.error().message;
  }

  fs::path folder_;
};

TEST_F(EndpointTest, APodHasWhatItsKubeletMounts) {
  write("token", "secret\n");
  write("ca.crt", "CA");
  const auto endpoint = in_cluster_endpoint("10.96.0.1", "443", folder_);
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->server, "https://10.96.0.1:443");
  EXPECT_EQ(endpoint->ca_pem, "CA");
  EXPECT_EQ(endpoint->token_file, folder_ / "token");
  EXPECT_TRUE(endpoint->verify);
  EXPECT_EQ(in_cluster_endpoint("fd00::1", "6443", folder_)->server, "https://[fd00::1]:6443");
}

TEST_F(EndpointTest, WhatIsNoPodSaysSo) {
  refused(in_cluster_endpoint("", "443", folder_), {"KUBERNETES_SERVICE_HOST", "pods_file"});
  refused(in_cluster_endpoint("10.96.0.1", "", folder_), {"this is no pod"});
  refused(in_cluster_endpoint("10.96.0.1", "443", folder_), {"the service account's CA", "ca.crt"});
  write("ca.crt", "CA");
  refused(in_cluster_endpoint("10.96.0.1", "443", folder_), {"the service account's token"});
}

TEST_F(EndpointTest, DataAndFilesSayTheSame) {
  write("ca.pem", "CA");
  write("client.pem", "CERTIFICATE");
  write("client.key", "KEY");
  const auto data = read(
      fmt::format("server: 'https://h:6443/', certificate-authority-data: {}", encode_base64("CA")),
      fmt::format("client-certificate-data: {}, client-key-data: {}", encode_base64("CERTIFICATE"),
                  encode_base64("KEY")));
  const auto relative = read("server: 'https://h:6443', certificate-authority: ca.pem",
                             "client-certificate: client.pem, client-key: ./client.key");
  const auto absolute =
      read(fmt::format("server: 'https://h:6443', certificate-authority: {}",
                       (folder_ / "ca.pem").string()),
           fmt::format("client-certificate: {0}/client.pem, client-key: {0}/client.key",
                       folder_.string()));
  for (const auto* endpoint : {&data, &relative, &absolute}) {
    ASSERT_TRUE(*endpoint) << endpoint->error().message;
    EXPECT_EQ((*endpoint)->server, "https://h:6443");
    EXPECT_EQ((*endpoint)->ca_pem, "CA");
    EXPECT_EQ((*endpoint)->certificate_pem, "CERTIFICATE");
    EXPECT_EQ((*endpoint)->key_pem, "KEY");
    EXPECT_EQ((*endpoint)->token, "");
    EXPECT_TRUE((*endpoint)->verify);
  }
  EXPECT_EQ(data->ca_file, "");
  EXPECT_EQ(relative->ca_file, folder_ / "ca.pem") << "read again when it may have changed";
  EXPECT_EQ(absolute->ca_file, folder_ / "ca.pem");
}

TEST_F(EndpointTest, ATokenFileWinsOverAToken) {
  EXPECT_EQ(read("server: 'https://h'", "token: t")->token, "t");
  const auto both = read("server: 'https://h'", "token: t, tokenFile: t.txt");
  EXPECT_EQ(both->token, "");
  EXPECT_EQ(both->token_file, folder_ / "t.txt");
}

TEST_F(EndpointTest, NamesAndVerificationAreRead) {
  const auto endpoint = read(
      "server: 'https://h', tls-server-name: kube.example, insecure-skip-tls-verify: true", "");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->tls_server_name, "kube.example");
  EXPECT_FALSE(endpoint->verify);
}

TEST_F(EndpointTest, AContextMayBeChosen) {
  const std::string path = write("two",
                                 R"({"current-context": "a",
                "contexts": [{"name": "a", "context": {"cluster": "ka", "user": "u"}},
                             {"name": "b", "context": {"cluster": "kb", "user": "u"}}],
                "clusters": [{"name": "ka", "cluster": {"server": "http://a"}},
                             {"name": "kb", "cluster": {"server": "http://b"}}],
                "users": [{"name": "u", "user": {}}]})");
  EXPECT_EQ(kubeconfig_endpoint(path)->server, "http://a");
  EXPECT_EQ(kubeconfig_endpoint(path, "b")->server, "http://b");
  refused(kubeconfig_endpoint(path, "c"), {"contexts: has no \"context\" called \"c\""});
}

TEST_F(EndpointTest, EveryErrorIsListed) {
  refused(read("certificate-authority-data: '%%%', insecure-skip-tls-verify: perhaps",
               "client-certificate: none.pem, exec: {command: aws}"),
          {"kubeconfig " + (folder_ / "config").string(), "clusters[1].cluster.server: is required",
           "clusters[1].cluster.certificate-authority-data: is not base64",
           "insecure-skip-tls-verify", "none.pem", "users[0].user: exec is not supported"});
  refused(read("server: 'https://h'", "client-key-data: S0VZ"),
          {"client-certificate and client-key: give both or neither"});
}

TEST_F(EndpointTest, PluginsPasswordsAndImpersonationAreRefusedByName) {
  for (const char* user : {"exec: {command: aws}", "auth-provider: {name: gcp}",
                           "username: ada, password: x", "as: root"}) {
    const std::string word = std::string(user).substr(0, std::string(user).find(':'));
    refused(read("server: 'https://h'", user), {word + " is not supported", "tokenFile"});
  }
}

TEST_F(EndpointTest, AServerIsAnHttpUrl) {
  for (const char* server : {"localhost:6443", "10.0.0.1", "ftp://h", "https://", "://",
                             "https://h h", "unix:///run/kube.sock"})
    refused(read(fmt::format("server: '{}'", server), ""), {"clusters[1].cluster.server", server});
  EXPECT_EQ(read("server: 'https://[::1]:6443'", "")->server, "https://[::1]:6443");
  EXPECT_EQ(read("server: 'https://rancher/k8s/clusters/c-1'", "")->server,
            "https://rancher/k8s/clusters/c-1");
}

TEST_F(EndpointTest, ADanglingContextIsAnError) {
  const auto f = [this](const std::string& text, const std::vector<std::string>& words) {
    SCOPED_TRACE(text);
    refused(kubeconfig_endpoint(write("bad", text)), words);
  };
  f("contexts: []", {"has no \"context\" called \"\""});
  f("current-context: c", {"called \"c\""});
  f("{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}]}",
    {"clusters: has no \"cluster\" called \"k\"", "users: has no \"user\" called \"u\""});
  f("{current-context: c, contexts: {name: c}}", {"must be a list"});
  f("{current-context: c, contexts: [{name: c, context: text}]}", {"called \"c\""});
  f("{current-context: c, contexts: [c, [], {name: {a: b}}, {name: [c]}]}", {"called \"c\""});
  f(R"({"current-context": 5, "contexts": [{"name": 5}]})", {"must be text"});
  f("- a\n- b", {"must be a map"});
}

TEST_F(EndpointTest, WhatCannotBeReadIsAnError) {
  refused(kubeconfig_endpoint(folder_ / "none"), {"kubeconfig", "none"});
  const auto broken = kubeconfig_endpoint(write("broken", "a: [b"));
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("broken"), std::string::npos);
  EXPECT_FALSE(kubeconfig_endpoint(write("empty", "")));
  EXPECT_FALSE(kubeconfig_endpoint(write("huge", std::string(1024 * 1024 + 1, ' '))));
}

}  // namespace
}  // namespace leadline
