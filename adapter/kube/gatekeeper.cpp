#include "adapter/kube/gatekeeper.h"

#include <algorithm>
#include <utility>

#include "adapter/bearer_token.h"
#include "daemon/event_loop.h"
#include "daemon/log.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kRemembered{10};
constexpr seconds kCertificateChecked{10};  // expiry is noticed within
constexpr std::size_t kMaxConnections = 2048;
// Three attempts end before the server's own deadline of ten seconds does.
constexpr milliseconds kReviewTimeout{2'500};
constexpr milliseconds kRetryPause{200};
constexpr int kAttempts = 3;
constexpr std::size_t kMaxReviewBytes = 256 * 1024;

template <typename Answer>
Result<Answer> outcome_of(const char* path, const Result<KubeAnswer>& answer,
                          Result<Answer> (*read)(std::string_view)) {
  if (!answer) return fail(answer.error());
  if (answer->status != 200 && answer->status != 201)
    return fail(Errc::kUnavailable, "{} answers {}", path, answer->status);
  return read(answer->body);
}

std::string_view kind_of(std::string_view path) {
  return path == kTokenReviewPath ? "token" : "access";
}

bool is_worth_retrying(const Result<KubeAnswer>& answer) {
  return !answer || answer->status == 429 || answer->status >= 500;
}

void add_authenticated(Caller& caller) {
  if (!caller.is_in(kAuthenticatedGroup)) caller.groups.emplace_back(kAuthenticatedGroup);
}

Caller caller_of(const CertificateSubject& subject) {
  Caller caller{
      .user = subject.common_name,
      .uid = {},
      .groups = subject.organizations,
      .extra = {{"authentication.kubernetes.io/credential-id", {"X509SHA256=" + subject.sha256}}}};
  add_authenticated(caller);
  return caller;
}

bool is_allowed(const FrontProxyTrust& trust, const std::string& name) {
  const auto& names = trust.allowed_names;
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

// kube-apiserver's own probes of /apis and /openapi, which name no groups: what system:discovery
// grants everybody, without a question to the server that is asking.
bool is_aggregator_probe(const Caller& caller, const AccessRequest& access) {
  const bool aggregator =
      caller.user == "system:kube-aggregator" || caller.user == "system:aggregator";
  return aggregator && access.group.empty() &&
         (access.path == "/apis" || access.path.starts_with("/apis/") ||
          access.path.starts_with("/openapi/"));
}

}  // namespace

KubeGatekeeper::KubeGatekeeper(KubeClient& client, EventLoop& loop, SelfMetrics& metrics,
                               Clock clock)
    : client_(client),
      loop_(loop),
      metrics_(metrics),
      clock_(std::move(clock)),
      tokens_(kRemembered, clock_),
      accesses_(kRemembered, clock_) {}

Result<void> KubeGatekeeper::trust_changed(const FrontProxyTrust& trust) {
  auto front_proxy = CertificateAuthority::from_pem(trust.front_proxy_ca_pem);
  if (!front_proxy) return fail(front_proxy.error().with_context("requestheader-client-ca-file"));
  std::optional<CertificateAuthority> clients;
  if (!trust.client_ca_pem.empty()) {
    auto read = CertificateAuthority::from_pem(trust.client_ca_pem);
    if (!read) return fail(read.error().with_context("client-ca-file"));
    clients = std::move(*read);
  }
  auto made =
      std::make_shared<const Trust>(Trust{trust, std::move(*front_proxy), std::move(clients)});
  loop_.post([this, made = std::move(made)] {
    trust_ = made;
    checked_.clear();
    trusts_ = true;
  });
  return {};
}

std::pair<KubeGatekeeper::Role, CertificateSubject> KubeGatekeeper::role_of(
    const ClientCertificates& shown) const {
  if (trust_ == nullptr) return {};
  const WallTime now = clock_().wall;
  auto subject = trust_->front_proxy.subject_of(shown, now);
  if (subject && is_allowed(trust_->headers, subject->common_name))
    return {Role::kFrontProxy, std::move(*subject)};
  if (!trust_->clients) return {};
  subject = trust_->clients->subject_of(shown, now);
  if (!subject || subject->common_name.empty()) return {};  // it names no user
  return {Role::kClient, std::move(*subject)};
}

// A connection's certificates never change, so that they are checked again only every few seconds.
const KubeGatekeeper::Checked& KubeGatekeeper::check(
    const std::shared_ptr<const ClientCertificates>& shown) {
  const SteadyTime now = clock_().steady;
  if (checked_.size() >= kMaxConnections)
    std::erase_if(checked_, [](const auto& one) { return one.second.certificates.expired(); });
  Checked& known = checked_[shown.get()];
  if (now < known.until && known.certificates.lock() == shown) return known;
  auto [role, subject] = role_of(*shown);
  known = {shown, now + kCertificateChecked, role, std::move(subject)};
  return known;
}

// nullopt: no certificate that says who calls.
ApiResult<std::optional<Caller>> KubeGatekeeper::by_certificate(const HttpRequest& request) {
  const Checked& checked = check(request.client_certificates);
  if (checked.role == Role::kNobody) return std::nullopt;
  if (checked.role == Role::kClient) return caller_of(checked.subject);
  auto caller = caller_from_headers(trust_->headers, request);
  if (!caller) {
    log_warn(
        fmt::format("identity headers are refused err=\"{}\"", printable(caller.error().message)));
    return tl::unexpected(unauthorized());
  }
  std::optional<Caller>& named = *caller;
  if (named) add_authenticated(*named);
  return std::move(named);
}

void KubeGatekeeper::identify(const HttpRequest& request, Identified verdict) {
  const bool certified = request.client_certificates != nullptr;
  if (certified) {
    auto caller = by_certificate(request);
    if (!caller) return verdict(tl::unexpected(caller.error()));
    if (std::optional<Caller>& named = *caller) return verdict(std::move(*named));
  }
  const auto token = shown_token(request);
  if (token.kind == ShownToken::kOne) return by_token(token.text, std::move(verdict));
  const bool nothing = !certified && token.kind == ShownToken::kNone;
  if (!nothing) return verdict(tl::unexpected(unauthorized()));
  verdict(anonymous_caller());
}

void KubeGatekeeper::by_token(const std::string& token, Identified verdict) {
  tokens_.get(
      token_hash_.of(token),
      [verdict = std::move(verdict)](const Result<std::optional<Caller>>& answer) {
        if (!answer || !*answer) return verdict(tl::unexpected(unauthorized()));
        Caller caller = **answer;
        add_authenticated(caller);
        verdict(std::move(caller));
      },
      [this, &token](ReviewCache<std::optional<Caller>>::Use done) {
        review<std::optional<Caller>>(kTokenReviewPath, token_review_body(token),
                                      caller_from_token_review, std::move(done));
      });
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): std::function frees what it holds

void KubeGatekeeper::authorise(const Caller& caller, const AccessRequest& access,
                               Authorised verdict) {
  if (caller.is_in(kMastersGroup) || is_aggregator_probe(caller, access))
    return verdict(std::nullopt);
  const std::string key = access_key(caller, access);
  const Result<AccessVerdict>* known = accesses_.find(key);
  if (known != nullptr && *known && (*known)->allowed) return verdict(std::nullopt);
  const auto use = [caller, access,
                    verdict = std::move(verdict)](const Result<AccessVerdict>& answer) {
    if (!answer) return verdict(internal_error("whether this is allowed could not be decided"));
    if (answer->allowed) return verdict(std::nullopt);
    verdict(access_denied(caller, access, answer->reason));
  };
  accesses_.get(key, use, [&](ReviewCache<AccessVerdict>::Use done) {
    review<AccessVerdict>(kAccessReviewPath, access_review_body(caller, access),
                          verdict_from_access_review, std::move(done));
  });
}

// Callers are not told what is wrong between us and the Kubernetes API; the log is.
void KubeGatekeeper::note(const char* path, const Error* failure) {
  if (failure != nullptr) {
    metrics_.count_review_failure(kind_of(path));
    edges_.failed(path, "callers are not reviewed", error_fields(*failure), clock_());
  } else {
    edges_.recovered(path, "callers are reviewed again", fmt::format("path={}", path), clock_());
  }
}

// Asks on the client's thread, answers on ours.
template <typename Answer>
void KubeGatekeeper::review(const char* path, std::string body,
                            Result<Answer> (*read)(std::string_view), ReviewCache<Answer>::Use done,
                            int attempt) {
  metrics_.count_review(kind_of(path));
  KubeRequest request{.method = "POST",
                      .path = path,
                      .body = body,
                      .content_type = {},
                      .timeout = kReviewTimeout,
                      .max_bytes = kMaxReviewBytes};
  auto answered = [this, path, body = std::move(body), read, done = std::move(done),
                   attempt](const Result<KubeAnswer>& answer) {
    if (is_worth_retrying(answer) && attempt + 1 < kAttempts) {
      loop_.call_after(kRetryPause * (attempt + 1), [this, path, body, read, done, attempt] {
        review<Answer>(path, body, read, done, attempt + 1);
      });
      return;
    }
    const Result<Answer> outcome = outcome_of(path, answer, read);
    note(path, outcome ? nullptr : &outcome.error());
    done(outcome);
  };
  client_.ask(std::move(request),
              [this, answered = std::move(answered)](Result<KubeAnswer> answer) {
                loop_.post([answered, answer = std::move(answer)] { answered(answer); });
              });
}

}  // namespace leadline
