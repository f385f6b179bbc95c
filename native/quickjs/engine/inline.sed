# Has the interpreter use inline.h.
/^int JS_DefinePropertyValueValue(/i #include "inline.h"
/^int JS_DefinePropertyValueValue(/,/^}/s/^    atom = JS_ValueToAtom(ctx, prop);$/    if (is_next_element(this_obj, prop, flags))\n        return add_fast_array_element(ctx, JS_VALUE_GET_OBJ(this_obj), val, flags);\n&/
/^ *CASE(OP_get_field2\{0,1\}):$/,/BREAK;/s/JS_GetProperty(ctx, sp\[-1\], atom)/get_field(ctx, sp[-1], atom)/
/^ *CASE(OP_get_length):$/,/BREAK;/s/JS_GetProperty(ctx, sp\[-1\], JS_ATOM_length)/get_field(ctx, sp[-1], JS_ATOM_length)/
/^ *CASE(OP_put_field):$/,/BREAK;/{
s/JS_SetPropertyInternal(ctx, sp\[-2\], atom, sp\[-1\], sp\[-2\],/put_field(ctx, sp[-2], atom, sp[-1]);/
/^ *JS_PROP_THROW_STRICT);$/d
}
/^ *CASE(OP_define_field):$/,/BREAK;/{
s/JS_DefinePropertyValue(ctx, sp\[-2\], atom, sp\[-1\],/define_field(ctx, sp[-2], atom, sp[-1]);/
/^ *JS_PROP_C_W_E | JS_PROP_THROW);$/d
}
/^ *CASE(OP_get_array_el2\{0,1\}):$/,/BREAK;/s/JS_GetPropertyValue(/get_element(/
# The elements are there then, and the loop over them is left out.
/^ *CASE(OP_array_from):$/,/BREAK;/{
s/JS_NewArray(ctx)/array_of(ctx, call_argc, sp - call_argc)/
s/for(i = 0; i < call_argc; i++)/for(i = call_argc; i < call_argc; i++)/
}
s/^\( *OP_CMP(OP_strict_n\{0,1\}eq, .=, \)js_strict_eq_slow(/\1compare_strictly(/
# A new function has no properties yet.
/^static void js_function_set_properties(/,/^}/s/JS_DefinePropertyValue(/append_property(/
# What leads from an empty object of a class to one with all its fields is kept. Else each object makes it anew, step by step.
/^JSValue JS_NewObjectProtoClass(/,/^}/s/^    return JS_NewObjectFromShape(/    keep_shape(ctx, sh, class_id);\n&/
/^static JSProperty \*add_property(JSContext \*ctx,$/,/^}/{
/^    return &p->prop\[p->shape->prop_count - 1\];$/i \    keep_shape(ctx, p->shape, p->class_id);
}
/^void JS_FreeRuntime(JSRuntime \*rt)$/,/^}/s/^    JS_FreeValueRT(rt, rt->current_exception);$/&\n    release_shapes(rt);/
/^static void js_trigger_gc(/i \
static void release_shapes(JSRuntime *rt);\
static no_inline int js_strict_eq_slow(JSContext *ctx, JSValue *sp, BOOL is_neq);\
static void keep_shape(JSContext *ctx, JSShape *shape, JSClassID class_id);\
static int append_property(JSContext *ctx, JSValueConst of, JSAtom name, JSValue value, int flags);
