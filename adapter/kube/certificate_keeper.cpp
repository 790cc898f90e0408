#include "adapter/kube/certificate_keeper.h"

#include <array>
#include <cassert>
#include <utility>

#include "adapter/base64.h"
#include "adapter/json_text.h"
#include "adapter/kube/objects.h"
#include "daemon/log.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLookEvery{60};
constexpr seconds kRetryAfter{2};
constexpr milliseconds kLostRace{200};  // another replica wrote first

constexpr std::array<const char*, 3> kApiServices = {"v1beta1.custom.metrics.k8s.io",
                                                     "v1beta2.custom.metrics.k8s.io",
                                                     "v1beta1.external.metrics.k8s.io"};
constexpr const char* kApiServicesPath = "/apis/apiregistration.k8s.io/v1/apiservices/";
constexpr const char* kFailing = "serving certificate is not kept";

bool is_not_ours(int status) {
  return status == 403 || status == 404;
}

}  // namespace

CertificateKeeper::CertificateKeeper(KubeClient& client, SelfMetrics& metrics,
                                     CertificatePlace place, Use use, Clock clock)
    : client_(client),
      metrics_(metrics),
      place_(std::move(place)),
      use_(std::move(use)),
      clock_(std::move(clock)) {}

void CertificateKeeper::start() {
  look_again(milliseconds{0});
}

std::string CertificateKeeper::secrets_path() const {
  return fmt::format("/api/v1/namespaces/{}/secrets", place_.namespace_name);
}

std::string CertificateKeeper::served_name() const {
  return fmt::format("{}.{}.svc", place_.service, place_.namespace_name);
}

void CertificateKeeper::look_again(milliseconds pause) {
  client_.call_after(pause, [this] { look(); });
}

// A failure anywhere begins anew from the Secret.
void CertificateKeeper::ask(KubeRequest request, std::function<void(const KubeAnswer&)> then) {
  client_.ask(std::move(request), [this, then = std::move(then)](const Result<KubeAnswer>& answer) {
    answer ? then(*answer) : failed(answer.error().message);
  });
}

void CertificateKeeper::failed(const std::string& why) {
  metrics_.count_certificate_failure();
  edges_.failed("certificate", kFailing, fmt::format("err=\"{}\"", printable(why)), clock_());
  look_again(kRetryAfter);
}

void CertificateKeeper::look() {
  KubeRequest request;
  request.path = secrets_path() + "/" + place_.secret;
  ask(std::move(request), [this](const KubeAnswer& answer) { found(answer); });
}

void CertificateKeeper::found(const KubeAnswer& answer) {
  if (answer.status == 404) return write(current_, {});
  if (answer.status != 200)
    return failed(fmt::format("reading the Secret: HTTP {}", answer.status));
  const json secret = parse_kube_json(answer.body);
  const auto certificate = certificate_in_secret(secret);
  if (!certificate || needs_renewal(*certificate, served_name(), clock_().wall)) {
    return write(certificate ? certificate : current_,
                 text_at(secret, {"metadata", "resourceVersion"}));
  }
  adopt(*certificate);
}

// `old` is what the Secret held, or what we serve where somebody has emptied or deleted it: with
// the same authority the other replicas are believed until they have read the new one.
//
// Created if absent, or replaced at the version that was read: of several replicas one succeeds,
// and the others read what it wrote.
void CertificateKeeper::write(const std::optional<ServingCertificate>& old,
                              const std::string& version) {
  const auto made = renewed(old, served_name(), clock_().wall);
  if (!made) return failed(made.error().message);
  const bool create = version.empty();
  KubeRequest request;
  request.method = create ? "POST" : "PUT";
  request.path = create ? secrets_path() : secrets_path() + "/" + place_.secret;
  request.body = secret_with(*made, place_.namespace_name, place_.secret, version);
  ask(std::move(request), [this, made = *made](const KubeAnswer& answer) {
    if (answer.status == 409) return look_again(kLostRace);
    if (answer.status != 200 && answer.status != 201)
      return failed(fmt::format("writing the Secret: HTTP {}", answer.status));
    log_info(
        fmt::format("serving certificate made secret={}/{}", place_.namespace_name, place_.secret));
    adopt(made);
  });
}

void CertificateKeeper::adopt(const ServingCertificate& certificate) {
  if (current_ != certificate) {
    if (const auto used = use_(certificate.server); !used) return failed(used.error().message);
    current_ = certificate;
    has_certificate_ = true;
  }
  register_next(0);
}

// One APIService after the other, then a pause.
void CertificateKeeper::register_next(std::size_t which) {
  if (which == kApiServices.size()) {
    edges_.recovered("certificate", "serving certificate is kept again", "", clock_());
    return look_again(kLookEvery);
  }
  KubeRequest request;
  request.path = std::string(kApiServicesPath) + kApiServices[which];
  ask(std::move(request),
      [this, which](const KubeAnswer& answer) { compare_bundle(which, answer); });
}

void CertificateKeeper::compare_bundle(std::size_t which, const KubeAnswer& answer) {
  if (is_not_ours(answer.status)) return register_next(which + 1);
  if (answer.status != 200)
    return failed(fmt::format("reading {}: HTTP {}", kApiServices[which], answer.status));
  const json service = parse_kube_json(answer.body);
  const bool ours = text_at(service, {"spec", "service", "name"}) == place_.service &&
                    text_at(service, {"spec", "service", "namespace"}) == place_.namespace_name;
  assert(current_.has_value());  // adopt() comes first
  const std::string bundle = encode_base64(current_->ca_bundle);
  if (!ours || text_at(service, {"spec", "caBundle"}) == bundle) return register_next(which + 1);
  KubeRequest request{.method = "PATCH",
                      .path = std::string(kApiServicesPath) + kApiServices[which],
                      .body = compact_text({{"spec", {{"caBundle", bundle}}}}),
                      .content_type = "application/merge-patch+json"};
  ask(std::move(request), [this, which](const KubeAnswer& patched) {
    if (patched.status != 200 && !is_not_ours(patched.status))
      return failed(fmt::format("patching {}: HTTP {}", kApiServices[which], patched.status));
    log_info(fmt::format("caBundle written apiservice={} status={}", kApiServices[which],
                         patched.status));
    register_next(which + 1);
  });
}

}  // namespace leadline
