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

  # Replaces @NAME by rows of SQL, one for each line of a macro of kernels/, which ends before `typedef enum ENUM`. line: a
  # regular expression of a line; row: the values that it becomes; made: a regular expression of such values.
  function(rows_of name header macro enum line row made)
    if(NOT sql MATCHES "@${name}")
      return()
    endif()
    file(READ ${CMAKE_CURRENT_LIST_DIR}/../kernels/${header} rows)
    string(REGEX REPLACE "[ \\\n]+" " " rows "${rows}")
    string(REGEX REPLACE "^.*#define ${macro}.X. (.*) typedef enum ${enum} .*$" "\\1" rows "${rows}")
    string(REPLACE "'" "''" rows "${rows}")
    string(REGEX REPLACE "${line}( |$)" "    (${row}),\n" rows "${rows}")
    string(REGEX REPLACE "    \\(${made}\\),\n" "" rest "${rows}")
    if(NOT rest STREQUAL "")
      message(FATAL_ERROR "${IN}: kernels/${header} has a line that is not like the others: ${rest}")
    endif()
    string(REGEX REPLACE ",\n$" "" rows "${rows}")
    string(REPLACE "'NONE'" "NULL" rows "${rows}")
    string(REPLACE "@${name}" "${rows}" sql "${sql}")
    set(sql "${sql}" PARENT_SCOPE)
  endfunction()

  rows_of(fault_kinds fault.h BS_FAULT_KINDS bs_fault_kind
          "X.[A-Z0-9_]+, .([^\"]+)., ([01]), ([01]), ([01]), ([A-Z0-9_]+), [^\"]*, .([^\"]+).."
          "'\\1', \\2, \\3, \\4, '\\5', '\\6'" "'[a-z0-9-]+', [01], [01], [01], '[A-Z0-9_]+', '([^']|'')+'")
  rows_of(number_types dtype.h BS_DTYPES bs_dtype
          "X.[A-Z0-9_]+, .([a-z0-9_]+)., ([0-9]+), ([0-9a-fx]+), ([0-9a-fx]+), ([01]), ([0-9.]+)f, [a-z0-9_, ]+."
          "'\\1', \\2, \\3, \\4, \\5, \\6" "'[a-z0-9_]+', [0-9]+, [0-9a-fx]+, [0-9a-fx]+, [01], [0-9.]+")
  if(sql MATCHES "@[a-z_]+\\([^\n]*")
    message(FATAL_ERROR "${IN}: unknown formula, or an argument with parentheses: ${CMAKE_MATCH_0}")
  endif()
  file(WRITE ${SQL} "${sql}")
  set(text ${SQL})
endif()

file(READ ${text} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "const char ${NAME}[];\nconst char ${NAME}[] = {${bytes}0};\n")
