// TokenGatekeeper is the Gatekeeper of a machine without a cluster: one static bearer token, which
// stands for a member of system:masters; whoever shows nothing is system:anonymous, who may read
// health and nothing else. Immutable, thread-safe.

#pragma once

#include <string>

#include "adapter/gatekeeper.h"

namespace leadline {

class TokenGatekeeper final : public Gatekeeper {
 public:
  // REQUIRES: `token` is not empty. It is compared in constant time and never logged.
  explicit TokenGatekeeper(std::string token);

  void identify(const HttpRequest& request, Identified verdict) override;
  void authorise(const Caller& caller, const AccessRequest& access, Authorised verdict) override;

 private:
  std::string token_;
};

}  // namespace leadline
