# The manual pages, made of what `bitsink help --markdown` prints: one for each command, and the documents of TOPICS.
# lowdown turns Markdown into roff. Without it there are no manual pages; `bitsink help` has the same text.
find_program(LOWDOWN lowdown)
if(NOT LOWDOWN)
  message(STATUS "manual pages: not made, for lack of the program lowdown (Debian package lowdown)")
  return()
endif()

set(MAN_PAGES)
# NAME: as `bitsink help` knows it.
function(manual_page name page section)
  set(out ${CMAKE_BINARY_DIR}/man/${page}.${section})
  # Lines are not stretched to the right margin, as narrow columns of tables cannot be: .ad is for groff 1.22, AD for 1.23.
  add_custom_command(
    OUTPUT ${out}
    COMMAND bitsink help --markdown ${name} > ${out}.md
    COMMAND ${LOWDOWN} -s -tman --out-no-smarty --parse-no-intraemph --parse-no-super -M title=${page}
            -M section=${section} -M "source=bitsink ${PROJECT_VERSION}" -M volume=bitsink -o ${out} ${out}.md
    COMMAND sed -i -e "/^[.]TH /a .ds AD l" -e "/^[.]TH /a .ad l" ${out}
    COMMAND ${CMAKE_COMMAND} -E rm ${out}.md
    DEPENDS bitsink)
  set(MAN_PAGES ${MAN_PAGES} ${out} PARENT_SCOPE)
  install(FILES ${out} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS host/cli/cli.h)
file(READ host/cli/cli.h commands)
string(REGEX MATCHALL "\n    X\\([a-z]+\\)" commands "${commands}")
foreach(command ${commands})
  string(REGEX REPLACE "[^a-z]" "" command ${command}) # "X(run)"
  manual_page(${command} bitsink-${command} 1)
endforeach()
foreach(topic ${TOPICS})
  string(REGEX MATCH "^([a-z]+)=.*/([^/]+)[.]([0-9])[.]md$" topic ${topic})
  manual_page(${CMAKE_MATCH_1} ${CMAKE_MATCH_2} ${CMAKE_MATCH_3})
endforeach()
add_custom_target(manual ALL DEPENDS ${MAN_PAGES})
