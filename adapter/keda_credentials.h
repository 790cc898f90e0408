// What the door for KEDA shows to clients and asks of them: mutual TLS from files that are read
// again when they change, or nothing. keda_server's own.

#pragma once

#include <memory>

#include <grpcpp/security/server_credentials.h>

#include "adapter/keda_tls.h"
#include "base/result.h"

namespace leadline {

// kBadConfig: a file cannot be read, or they do not fit each other.
[[nodiscard]] Result<std::shared_ptr<grpc::ServerCredentials>> keda_credentials(const KedaTls& tls);

}  // namespace leadline
