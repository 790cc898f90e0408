#include "adapter/certificate_authority.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/kube/certificates.h"

namespace leadline {
namespace {

using std::chrono::hours;
using test::CertificateWish;
using test::make_certificate;
using test::root_authority;
using test::shown;

class CertificateAuthorityTest : public testing::Test {
 protected:
  // Whom a certificate names to `authority_`; "nobody" where it is not accepted.
  [[nodiscard]] std::string who(const ClientCertificates& certificates) const {
    const auto authority = CertificateAuthority::from_pem(authority_.certificate_pem);
    const auto subject = authority->subject_of(certificates, now_);
    return subject ? subject->common_name : "nobody";
  }
  [[nodiscard]] std::string who(const CertificateWish& wish) const {
    return who(shown({make_certificate(&authority_, wish).certificate_pem}));
  }

  WallTime now_ = system_now().wall;
  KeyPair authority_ = root_authority("front-proxy-ca");
  KeyPair other_ = root_authority("front-proxy-ca");  // of the same name
};

TEST_F(CertificateAuthorityTest, ReadsWhomAGoodCertificateNames) {
  const KeyPair good = make_certificate(
      &authority_, {.common_names = {"ada"}, .organizations = {"dev", "system:masters"}});
  const auto authority = CertificateAuthority::from_pem(authority_.certificate_pem);
  const auto subject = authority->subject_of(shown({good.certificate_pem}), now_);
  ASSERT_TRUE(subject);
  EXPECT_EQ(subject->common_name, "ada");
  EXPECT_EQ(subject->organizations, (std::vector<std::string>{"dev", "system:masters"}));
  EXPECT_EQ(subject->sha256.size(), 64U);
  // As kube-apiserver writes a credential id: lower case.
  EXPECT_EQ(subject->sha256.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST_F(CertificateAuthorityTest, WhatAnotherAuthoritySignedIsNobodys) {
  const KeyPair forged = make_certificate(&other_, {});
  EXPECT_EQ(who(shown({forged.certificate_pem})), "nobody");
  EXPECT_EQ(who(shown({forged.certificate_pem, authority_.certificate_pem})), "nobody");
  EXPECT_EQ(who(shown({make_certificate(nullptr, {}).certificate_pem})), "nobody");
}

TEST_F(CertificateAuthorityTest, OutsideItsTimeItIsNobodys) {
  EXPECT_EQ(who({.from = hours{-48}, .until = hours{-1}}), "nobody");
  EXPECT_EQ(who({.from = hours{1}, .until = hours{48}}), "nobody");
  now_ += hours{25};
  EXPECT_EQ(who(CertificateWish{}), "nobody");
}

TEST_F(CertificateAuthorityTest, AnExpiredAuthorityVouchesForNobody) {
  authority_ = make_certificate(nullptr, {.common_names = {"ca"},
                                          .organizations = {},
                                          .usage = "",
                                          .authority = true,
                                          .from = hours{-48},
                                          .until = hours{-1}});
  EXPECT_EQ(who(CertificateWish{}), "nobody");
}

TEST_F(CertificateAuthorityTest, OnlyCertificatesForClientsCount) {
  EXPECT_EQ(who({.usage = "serverAuth"}), "nobody");
  EXPECT_EQ(who({.usage = "codeSigning"}), "nobody");
  EXPECT_EQ(who({.usage = "serverAuth,clientAuth"}), "front-proxy-client");
  EXPECT_EQ(who({.usage = ""}), "front-proxy-client") << "as Go: none is any";
}

TEST_F(CertificateAuthorityTest, AnIntermediateIsBelievedWhereItComesAlong) {
  const KeyPair between = make_certificate(
      &authority_,
      {.common_names = {"between"}, .organizations = {}, .usage = "", .authority = true});
  const KeyPair leaf = make_certificate(&between, {.common_names = {"leaf"}});
  EXPECT_EQ(who(shown({leaf.certificate_pem})), "nobody");
  EXPECT_EQ(who(shown({leaf.certificate_pem, between.certificate_pem})), "leaf");
  const KeyPair no_authority = make_certificate(&authority_, {.common_names = {"leaf"}});
  const KeyPair forged = make_certificate(&no_authority, {.common_names = {"admin"}});
  EXPECT_EQ(who(shown({forged.certificate_pem, no_authority.certificate_pem})), "nobody");
}

TEST_F(CertificateAuthorityTest, AnIntermediateMayBeTheAnchor) {
  const KeyPair between = make_certificate(
      &authority_,
      {.common_names = {"between"}, .organizations = {}, .usage = "", .authority = true});
  const KeyPair leaf = make_certificate(&between, {.common_names = {"leaf"}});
  authority_ = between;
  EXPECT_EQ(who(shown({leaf.certificate_pem})), "leaf");
}

TEST_F(CertificateAuthorityTest, ABundleTrustsEachOfItsAuthorities) {
  const auto both =
      CertificateAuthority::from_pem(authority_.certificate_pem + other_.certificate_pem);
  ASSERT_TRUE(both);
  for (const KeyPair* authority : {&authority_, &other_}) {
    const KeyPair one = make_certificate(authority, {});
    EXPECT_TRUE(both->subject_of(shown({one.certificate_pem}), now_));
  }
}

TEST_F(CertificateAuthorityTest, GarbageIsNoBundle) {
  const auto f = [](const std::string& pem, std::string_view want) {
    SCOPED_TRACE(pem);
    const auto none = CertificateAuthority::from_pem(pem);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::kBadInput);
    EXPECT_EQ(none.error().message, want);
  };
  const std::string good = authority_.certificate_pem;
  f("", "the CA bundle holds no certificate");
  f("junk", "the CA bundle holds no certificate");
  f(authority_.key_pem, "the CA bundle holds no certificate");
  f(good + good.substr(0, good.size() / 2), "certificate 2 of the CA bundle is unreadable");
  f(good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "certificate 2 of the CA bundle is unreadable");
  EXPECT_TRUE(CertificateAuthority::from_pem("# of the cluster\n" + good + "\n# the end\n"));
}

TEST_F(CertificateAuthorityTest, GarbageFromAClientIsNobody) {
  EXPECT_EQ(who(ClientCertificates{}), "nobody");
  EXPECT_EQ(who(ClientCertificates{{"junk"}}), "nobody");
  ClientCertificates good = shown({make_certificate(&authority_, {}).certificate_pem});
  good.der.emplace_back("junk");
  EXPECT_EQ(who(good), "front-proxy-client") << "what comes along may be anything";
  good.der.insert(good.der.end(), 100, good.der.front());
  EXPECT_EQ(who(good), "nobody") << "an endless chain is not looked at";
}

// Go takes no signature over SHA-1 either.
TEST_F(CertificateAuthorityTest, AWeakSignatureIsNobodys) {
  EXPECT_EQ(who({.weak = true}), "nobody");
}

// Go takes the last; whoever allows names by it must mean the same one.
TEST_F(CertificateAuthorityTest, OfSeveralCommonNamesTheLastCounts) {
  EXPECT_EQ(who({.common_names = {"front-proxy-client", "mallory"}}), "mallory");
  EXPECT_EQ(who({.common_names = {}}), "");
}

}  // namespace
}  // namespace leadline
