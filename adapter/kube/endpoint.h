// Where the Kubernetes API is and who we are to it: from the pod's own service account, or from a
// kubeconfig file. Used by KubeClient.
//
// Of a kubeconfig we read the current context's (or a named one's) server, CA, TLS server name,
// token, token file and client certificate, as files or as `…-data`. Exec and auth-provider
// plugins, user names with passwords and impersonation are refused by name: a daemon that ran a
// program to get its own identity would need that program in its image.
// Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ (v1.36); client-go
// rest.InClusterConfig.

#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace leadline {

struct KubeEndpoint {
  static constexpr std::size_t kMaxFileBytes = 1024 * 1024;  // of each file named here

  std::string server;           // `https://10.96.0.1:443`, without a slash at the end
  std::string ca_pem;           // empty: the system's roots
  std::string ca_file;          // what ca_pem came from, read again as token_file is; or empty
  std::string tls_server_name;  // empty: the host in `server`
  bool verify = true;           // false: insecure-skip-tls-verify

  // At most one of the three.
  std::string token;
  std::string token_file;  // read again once a minute: kubelets renew it
  std::string certificate_pem, key_pem;
};

// Where kubelets mount a pod's service account.
inline constexpr const char* kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

// `host` and `port` are what kubelets give as KUBERNETES_SERVICE_HOST and …_PORT. kBadConfig: not
// in a pod, or a pod without a service account's token.
[[nodiscard]] Result<KubeEndpoint> in_cluster_endpoint(
    const std::string& host, const std::string& port,
    const std::string& folder = kServiceAccountFolder);

// An empty `context` is the file's current one. kBadConfig with every error of the file.
[[nodiscard]] Result<KubeEndpoint> kubeconfig_endpoint(const std::string& path,
                                                       const std::string& context = {});

}  // namespace leadline
