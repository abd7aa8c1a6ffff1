# All test programs of the folders: `ninja unit_tests`.
if(MUSTER_TESTS)
  add_custom_target(unit_tests)
endif()

# muster_library(NAME probe DEPS base plan [LIBS yaml-cpp]): one static library from the sources of this folder.
# Sources are globbed, so a file in the folder is in the build. Every *_test.cpp becomes part of NAME's test program.
# The library is also linked whole into an empty program, so that an undeclared dependency fails to link.
function(muster_library)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  string(REPLACE "/" "_" target "${ARG_NAME}")
  set(target muster_${target})
  set(deps "")
  foreach(dep IN LISTS ARG_DEPS)
    string(REPLACE "/" "_" dep "${dep}")
    list(APPEND deps muster_${dep})
  endforeach()

  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
  endif()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${deps} ${ARG_LIBS} muster_boost)

  if(MUSTER_TESTS)
    add_executable(${target}_link ${CMAKE_SOURCE_DIR}/cmake/link_main.cpp)
    target_link_libraries(${target}_link PRIVATE
      -Wl,--whole-archive $<TARGET_FILE:${target}> -Wl,--no-whole-archive ${deps} ${ARG_LIBS} muster_boost)
    add_dependencies(${target}_link ${target})
    if(tests)
      add_executable(${target}_test ${tests})
      target_link_libraries(${target}_test PRIVATE ${target} GTest::gmock GTest::gtest_main)
      target_compile_definitions(${target}_test PRIVATE MUSTER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      add_test(NAME unit/${ARG_NAME} COMMAND ${target}_test)
      add_dependencies(unit_tests ${target}_test)
    endif()
  endif()
endfunction()
