// What --hold leaves behind for people: a kubeconfig and lines to paste.

#pragma once

#include "base/result.h"
#include "demo/adapter_process.h"
#include "demo/hpa_manifest.h"
#include "demo/work_folder.h"

namespace leadline {

// Writes `kubeconfig` into the folder and prints the exact kubectl and curl lines.
void print_hold_help(const AdapterProcess& adapter, const WorkFolder& folder,
                     const HpaManifest& manifest);

}  // namespace leadline
