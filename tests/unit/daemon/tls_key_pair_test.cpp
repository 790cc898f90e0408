#include "daemon/tls_key_pair.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace leadline {

namespace {

TEST(SelfSignedTest, MakesACertificateForItsNames) {
  const auto pair = self_signed({"leadline.default.svc", "127.0.0.1", "::1"}, system_now().wall);
  ASSERT_TRUE(pair) << pair.error().message;
  BIO* bytes = BIO_new_mem_buf(pair->certificate_pem.data(), -1);
  X509* certificate = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "leadline.default.svc", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate, "other.default.svc", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
  EXPECT_EQ(X509_cmp_current_time(X509_get0_notBefore(certificate)), -1);
  EXPECT_EQ(X509_cmp_current_time(X509_get0_notAfter(certificate)), 1);
  EXPECT_EQ(X509_check_ca(certificate), 1);
  X509_free(certificate);
  BIO_free(bytes);
}

TEST(SelfSignedTest, RefusesANameThatWouldSayMore) {
  const auto pair = self_signed({"a,DNS:b"}, system_now().wall);
  ASSERT_FALSE(pair);
  EXPECT_EQ(pair.error().message, "'a,DNS:b' cannot stand in a certificate");
}

TEST(SelfSignedTest, EachHasASerialAndAKeyOfItsOwn) {
  const auto one = self_signed({"a"}, system_now().wall);
  const auto two = self_signed({"a"}, system_now().wall);
  EXPECT_NE(one->key_pem, two->key_pem);
  EXPECT_NE(one->certificate_pem, two->certificate_pem);
}

using std::chrono::hours;
constexpr hours kDay{24};

class AuthorityTest : public testing::Test {
 protected:
  WallTime now_ = system_now().wall;
  KeyPair authority_ = *make_authority("leadline-ca", now_, 10 * kDay);
};

TEST_F(AuthorityTest, WhatItIssuesIsForItsNamesAndItsTime) {
  const auto pair = issue_certificate(authority_, {"a.default.svc", "127.0.0.1"}, now_, 2 * kDay);
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_TRUE(is_issued_by(pair->certificate_pem, authority_.certificate_pem));
  EXPECT_TRUE(serves(*pair, "a.default.svc"));
  EXPECT_FALSE(serves(*pair, "b.default.svc"));
  EXPECT_FALSE(serves(*pair, ""));
  const auto left = *expiry_of(pair->certificate_pem) - now_;
  EXPECT_TRUE(left > hours{46} && left < hours{48});
  EXPECT_TRUE(*expiry_of(authority_.certificate_pem) - now_ > 9 * kDay);
}

TEST_F(AuthorityTest, WhatItIssuesIsNoAuthority) {
  const auto pair = issue_certificate(authority_, {"a"}, now_, kDay);
  BIO* bytes = BIO_new_mem_buf(pair->certificate_pem.data(), -1);
  X509* certificate = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_ca(certificate), 0);
  EXPECT_EQ(X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_EQ(X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0), 0);
  X509_free(certificate);
  BIO_free(bytes);
}

TEST_F(AuthorityTest, AnotherAuthorityOfThatNameIsAnother) {
  const KeyPair other = *make_authority("leadline-ca", now_, kDay);
  const auto pair = issue_certificate(other, {"a"}, now_, kDay);
  EXPECT_FALSE(is_issued_by(pair->certificate_pem, authority_.certificate_pem));
  EXPECT_FALSE(is_issued_by("junk", authority_.certificate_pem));
  EXPECT_FALSE(is_issued_by(pair->certificate_pem, ""));
}

TEST_F(AuthorityTest, WhatIsNoPairIssuesNothing) {
  const KeyPair other = *make_authority("x", now_, kDay);
  const auto f = [this](const KeyPair& authority) {
    const auto none = issue_certificate(authority, {"a"}, now_, kDay);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::kBadInput);
    EXPECT_FALSE(belong_together(authority));
  };
  f({authority_.certificate_pem, other.key_pem});
  f({"junk", authority_.key_pem});
  f({authority_.certificate_pem, "junk"});
  f({});
  EXPECT_TRUE(belong_together(authority_));
  EXPECT_FALSE(issue_certificate(authority_, {"a,DNS:b"}, now_, kDay));
}

TEST(ExpiryTest, GarbageHasNone) {
  for (const char* bad :
       {"", "junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
    EXPECT_EQ(expiry_of(bad), std::nullopt);
  EXPECT_FALSE(serves({"junk", "junk"}, "a"));
}

}  // namespace

}  // namespace leadline
