# Turns a text file into a C string constant: cmake -DIN=x -DOUT=x.c -DNAME=symbol [-DSQL=y.sql] -P embed.cmake
# With SQL, formulas (formulas.cmake) are written out first: y.sql is the plain SQL. Bytes are written as an array, so that
# no compiler's limit on string literals matters.
cmake_policy(SET CMP0007 NEW)
set(text ${IN})
if(SQL)
  file(READ ${IN} sql)

  function(formula name arguments body)
    string(REPLACE ";" ", " pattern "${arguments}")
    string(REGEX REPLACE "[a-z0-9]+" "([^(),]+)" pattern "${pattern}")
    set(i 0)
    foreach(argument ${arguments})
      math(EXPR i "${i} + 1")
      string(REPLACE "{${argument}}" "(\\${i})" body "${body}")
      string(REPLACE "<${argument}>" "\\${i}" body "${body}")
    endforeach()
    string(REGEX REPLACE "@${name}\\(${pattern}\\)" "${body}" sql "${sql}")
    set(sql "${sql}" PARENT_SCOPE)
  endfunction()

  include(${CMAKE_CURRENT_LIST_DIR}/formulas.cmake)

  # @fault_kinds: the lines of BS_FAULT_KINDS (kernels/fault.h), one row each.
  if(sql MATCHES "@fault_kinds")
    file(READ ${CMAKE_CURRENT_LIST_DIR}/../kernels/fault.h kinds)
    string(REGEX REPLACE "[ \\\n]+" " " kinds "${kinds}")
    string(REGEX REPLACE "^.*#define BS_FAULT_KINDS.X. (.*) typedef enum bs_fault_kind .*$" "\\1" kinds "${kinds}")
    string(REPLACE "'" "''" kinds "${kinds}")
    string(REGEX REPLACE "X.[A-Z0-9_]+, .([^\"]+)., ([01]), ([01]), ([01]), ([A-Z0-9_]+), [^\"]*, .([^\"]+)..( |$)"
           "    ('\\1', \\2, \\3, \\4, '\\5', '\\6'),\n" kinds "${kinds}")
    string(REGEX REPLACE "    \\('[a-z0-9-]+', [01], [01], [01], '[A-Z0-9_]+', '([^']|'')+'\\),\n" "" rest "${kinds}")
    if(NOT rest STREQUAL "")
      message(FATAL_ERROR "${IN}: kernels/fault.h has a line that is not like the others: ${rest}")
    endif()
    string(REGEX REPLACE ",\n$" "" kinds "${kinds}")
    string(REPLACE "'NONE'" "NULL" kinds "${kinds}")
    string(REPLACE "@fault_kinds" "${kinds}" sql "${sql}")
  endif()

  # @number_types: the lines of BS_DTYPES (kernels/dtype.h), one row each.
  if(sql MATCHES "@number_types")
    file(READ ${CMAKE_CURRENT_LIST_DIR}/../kernels/dtype.h types)
    string(REGEX REPLACE "[ \\\n]+" " " types "${types}")
    string(REGEX REPLACE "^.*#define BS_DTYPES.X. (.*) typedef enum bs_dtype .*$" "\\1" types "${types}")
    string(REGEX REPLACE "X.[A-Z0-9_]+, .([a-z0-9_]+)., ([0-9]+), ([0-9a-fx]+), ([0-9a-fx]+), ([01]), ([0-9.]+)f, [a-z0-9_, ]+.( |$)"
           "    ('\\1', \\2, \\3, \\4, \\5, \\6),\n" types "${types}")
    string(REGEX REPLACE "    \\('[a-z0-9_]+', [0-9]+, [0-9a-fx]+, [0-9a-fx]+, [01], [0-9.]+\\),\n" "" rest "${types}")
    if(NOT rest STREQUAL "")
      message(FATAL_ERROR "${IN}: kernels/dtype.h has a line that is not like the others: ${rest}")
    endif()
    string(REGEX REPLACE ",\n$" "" types "${types}")
    string(REPLACE "@number_types" "${types}" sql "${sql}")
  endif()
  if(sql MATCHES "@[a-z_]+\\([^\n]*")
    message(FATAL_ERROR "${IN}: unknown formula, or an argument with parentheses: ${CMAKE_MATCH_0}")
  endif()
  file(WRITE ${SQL} "${sql}")
  set(text ${SQL})
endif()

file(READ ${text} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "const char ${NAME}[];\nconst char ${NAME}[] = {${bytes}0};\n")
