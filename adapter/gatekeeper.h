// Gatekeeper says who a caller is and whether they may do what they ask: from one static token
// (adapter/token_gatekeeper.h), or as the Kubernetes API says (adapter/kube/gatekeeper.h).
//
// Called on the serving loop, which every verdict comes back to: within the call where nobody has
// to be asked, else later. A verdict comes exactly once, unless the gatekeeper is destroyed first.

#pragma once

#include <functional>
#include <optional>

#include "adapter/caller.h"
#include "daemon/http.h"

namespace leadline {

class Gatekeeper {
 public:
  // 401 where something was shown and is not accepted.
  using Identified = std::function<void(ApiResult<Caller>)>;
  // nullopt: allowed; 403; 500 where the question could not be decided.
  using Authorised = std::function<void(std::optional<ApiError>)>;

  virtual ~Gatekeeper() = default;

  // The request is read before the call returns.
  virtual void identify(const HttpRequest& request, Identified verdict) = 0;

  virtual void authorise(const Caller& caller, const AccessRequest& access, Authorised verdict) = 0;
};

}  // namespace leadline
