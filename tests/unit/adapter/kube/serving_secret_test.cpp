#include "adapter/kube/serving_secret.h"

#include <random>

#include <gtest/gtest.h>

#include "adapter/base64.h"
#include "adapter/certificate_authority.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::hours;

constexpr const char* kName = "leadline-adapter.leadline.svc";
constexpr hours kDay{24};

std::size_t certificates_in(const std::string& pem) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = pem.find("BEGIN CERTIFICATE", at)) != std::string::npos; ++at)
    ++found;
  return found;
}

class ServingSecretTest : public testing::Test {
 protected:
  [[nodiscard]] ServingCertificate renew(const std::optional<ServingCertificate>& old) const {
    auto made = renewed(old, kName, now_);
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  [[nodiscard]] bool needs(const ServingCertificate& certificate,
                           const std::string& name = kName) const {
    return needs_renewal(certificate, name, now_);
  }
  // What the adapter finds in a Secret of these texts, and makes of it.
  void heals(const ServingCertificate& broken) const {
    const auto found =
        certificate_in_secret(json::parse(secret_with(broken, "leadline", "s", "7")));
    if (found) EXPECT_TRUE(needs(*found));
    expect_good(renew(found));
  }
  void expect_good(const ServingCertificate& certificate) const {
    EXPECT_FALSE(needs(certificate));
    EXPECT_TRUE(serves(certificate.server, kName));
    EXPECT_TRUE(
        is_issued_by(certificate.server.certificate_pem, certificate.authority.certificate_pem));
    const auto bundle = CertificateAuthority::from_pem(certificate.ca_bundle);
    EXPECT_TRUE(bundle) << "kube-apiserver refuses a caBundle that it cannot read";
    EXPECT_EQ(certificate.ca_bundle.find(certificate.authority.certificate_pem), 0U);
  }

  WallTime now_ = system_now().wall;
};

TEST_F(ServingSecretTest, TheFirstIsMadeWhole) {
  const ServingCertificate first = renew(std::nullopt);
  expect_good(first);
  EXPECT_EQ(first.ca_bundle, first.authority.certificate_pem);
  EXPECT_TRUE(serves(first.server, "localhost"));
  EXPECT_EQ((*expiry_of(first.server.certificate_pem) - now_) / kDay, 89);
  EXPECT_EQ((*expiry_of(first.authority.certificate_pem) - now_) / kDay, 3649);
}

TEST_F(ServingSecretTest, ASecretGivesBackWhatWasWritten) {
  const ServingCertificate first = renew(std::nullopt);
  const json secret = json::parse(secret_with(first, "leadline", "certificate", ""));
  EXPECT_EQ(secret["kind"], "Secret");
  EXPECT_EQ(secret["metadata"], (json{{"name", "certificate"}, {"namespace", "leadline"}}));
  EXPECT_EQ(certificate_in_secret(secret), first);
  EXPECT_EQ(json::parse(
                secret_with(first, "leadline", "certificate", "12"))["metadata"]["resourceVersion"],
            "12");
}

TEST_F(ServingSecretTest, TheCertificateIsRenewedInItsLastThirtyDays) {
  const ServingCertificate first = renew(std::nullopt);
  now_ += 59 * kDay;
  EXPECT_FALSE(needs(first));
  now_ += 2 * kDay;
  EXPECT_TRUE(needs(first));
  const ServingCertificate second = renew(first);
  expect_good(second);
  EXPECT_EQ(second.authority, first.authority) << "clients need not trust anything new";
  EXPECT_EQ(second.ca_bundle, first.ca_bundle);
  EXPECT_NE(second.server, first.server);
}

TEST_F(ServingSecretTest, AChangeOfAuthorityKeepsBothInTheBundle) {
  const ServingCertificate first = renew(std::nullopt);
  now_ += (3650 - 364) * kDay;
  EXPECT_TRUE(needs(first));
  const ServingCertificate second = renew(first);
  expect_good(second);
  EXPECT_NE(second.authority, first.authority);
  EXPECT_EQ(second.ca_bundle, second.authority.certificate_pem + first.authority.certificate_pem);
  const auto back = certificate_in_secret(json::parse(secret_with(second, "leadline", "s", "")));
  EXPECT_EQ(back, second) << "the newest is the bundle's first";
  now_ += (3650 - 364) * kDay;
  EXPECT_EQ(certificates_in(renew(second).ca_bundle), 2U) << "it does not grow for ever";
}

TEST_F(ServingSecretTest, ACertificateForAnotherNameIsRenewed) {
  const ServingCertificate first = renew(std::nullopt);
  EXPECT_TRUE(needs(first, "leadline-adapter.other.svc"));
  EXPECT_FALSE(needs(first));
}

TEST_F(ServingSecretTest, AnEmptiedSecretHoldsNothing) {
  json whole = json::parse(secret_with(renew(std::nullopt), "leadline", "s", ""));
  for (const char* key : {"ca.crt", "ca.key", "tls.crt", "tls.key"}) {
    json secret = whole;
    secret["data"].erase(key);
    EXPECT_EQ(certificate_in_secret(secret), std::nullopt) << key;
    secret["data"][key] = "";
    EXPECT_EQ(certificate_in_secret(secret), std::nullopt) << key;
    secret["data"][key] = "%%%";
    EXPECT_EQ(certificate_in_secret(secret), std::nullopt) << key;
    secret["data"][key] = 5;
    EXPECT_EQ(certificate_in_secret(secret), std::nullopt) << key;
  }
  for (const json& secret : {json(), json::object(), json{{"data", "x"}}, json::array()})
    EXPECT_EQ(certificate_in_secret(secret), std::nullopt);
}

TEST_F(ServingSecretTest, PartsOfTwoPairsAreReplaced) {
  const ServingCertificate good = renew(std::nullopt);
  const ServingCertificate other = renew(std::nullopt);
  ServingCertificate mixed = good;
  mixed.server.key_pem = other.server.key_pem;
  heals(mixed);
  mixed = good;
  mixed.server = other.server;  // a good pair, of an authority that clients are not told
  heals(mixed);
  mixed = good;
  mixed.authority.key_pem = other.authority.key_pem;
  mixed.server.key_pem = "none";
  heals(mixed);
}

TEST_F(ServingSecretTest, GarbageHealsAndLeavesTheBundle) {
  const ServingCertificate good = renew(std::nullopt);
  const std::string fake = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  for (const std::string& garbage :
       {std::string("hello"), fake, good.ca_bundle.substr(0, 200), std::string("\0\xff", 2)}) {
    ServingCertificate broken = good;
    broken.ca_bundle = garbage;
    heals(broken);
    broken = good;
    broken.ca_bundle += garbage;
    broken.server.certificate_pem = garbage;
    heals(broken);
    broken = good;
    broken.server = {garbage, garbage};
    heals(broken);
    broken.authority.key_pem = garbage;
    heals(broken);
  }
}

TEST_F(ServingSecretTest, RandomBytesNeverBreakIt) {
  std::mt19937 random(7);
  const ServingCertificate good = renew(std::nullopt);
  for (int i = 0; i < 60; ++i) {
    ServingCertificate broken = good;
    for (std::string* text : {&broken.ca_bundle, &broken.authority.key_pem,
                              &broken.server.certificate_pem, &broken.server.key_pem}) {
      if (random() % 2 == 0) continue;
      (*text)[random() % text->size()] = static_cast<char>(random());
    }
    const auto found =
        certificate_in_secret(json::parse(secret_with(broken, "leadline", "s", "7")));
    if (!found || !needs(*found)) continue;
    expect_good(renew(found));
  }
}

}  // namespace
}  // namespace leadline
