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

}  // namespace

}  // namespace leadline
