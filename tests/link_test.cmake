# Fails where BINARY needs a library that the sidecar may not carry into every pod: each costs memory
# times the number of pods. Run by ctest, see CMakeLists.txt.
execute_process(COMMAND ldd ${BINARY} OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
if(NOT libraries MATCHES "libc\\.so")
  message(FATAL_ERROR "ldd said nothing of ${BINARY}: ${libraries}")
endif()
foreach(heavy libgrpc libcurl libhiredis libssl libcrypto libcpp-httplib libprotobuf\\.so)
  if(libraries MATCHES "${heavy}")
    message(FATAL_ERROR "${BINARY} links ${heavy}")
  endif()
endforeach()
