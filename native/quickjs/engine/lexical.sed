# What qjsc makes of `let` and `const` within functions: variables that are undefined until they get their value, as `var` is,
# instead of ones for which every use looks whether they have. Most steps of this program are such looks. That nothing is used
# before its declaration is checked by TypeScript, and by the tests on Node.js, where it is an error as ever.
# `this` before super() stays one: JS_ATOM_this.
s/^\( *\)dbuf_putc(bc, OP_put_loc_check);$/\1dbuf_putc(bc, OP_put_loc);/
s/^\( *\)dbuf_putc(bc, OP_get_loc_check);$/\1dbuf_putc(bc, var_name == JS_ATOM_this ? OP_get_loc_check : OP_get_loc);/
/^ *dbuf_putc(&bc_out, OP_set_loc_uninitialized);$/{
N
/, scope_idx);$/d
}
