/*
 * What the interpreter does most, without a call, or without what is only needed elsewhere: properties that are plain values,
 * elements of arrays, literals. Whatever is not as usual is left to the engine's own functions.
 *
 * Part of quickjs.c: inline.sed includes it above JS_DefinePropertyValueValue(), and has the operations of the interpreter use it.
 */

/* The value of a property of the object or of a prototype. */
static force_inline JSValue get_field(JSContext *ctx, JSValueConst of, JSAtom name)
{
    JSObject *object;
    JSShapeProperty *shape;
    JSProperty *property;

    if (likely(JS_VALUE_GET_TAG(of) == JS_TAG_OBJECT)) {
        object = JS_VALUE_GET_OBJ(of);
        for (;;) {
            shape = find_own_property(&property, object, name);
            if (shape) {
                if (unlikely(shape->flags & JS_PROP_TMASK))
                    break; /* a getter, an export, or made when it is asked for */
                return JS_DupValue(ctx, property->u.value);
            }
            if (unlikely(object->is_exotic))
                break;
            object = object->shape->proto;
            if (!object)
                return JS_UNDEFINED;
        }
    }
    return JS_GetProperty(ctx, of, name);
}

/* Sets a property, and takes the value. Returns -1 for an exception. */
static force_inline int put_field(JSContext *ctx, JSValueConst of, JSAtom name, JSValue value)
{
    JSShapeProperty *shape;
    JSProperty *property;

    if (likely(JS_VALUE_GET_TAG(of) == JS_TAG_OBJECT)) {
        shape = find_own_property(&property, JS_VALUE_GET_OBJ(of), name);
        if (shape && likely((shape->flags & (JS_PROP_TMASK | JS_PROP_WRITABLE | JS_PROP_LENGTH)) == JS_PROP_WRITABLE)) {
            set_value(ctx, &property->u.value, value);
            return TRUE;
        }
    }
    return JS_SetPropertyInternal(ctx, of, name, value, of, JS_PROP_THROW_STRICT);
}

/* A property that the object does not have yet; takes the value. */
static int append_property(JSContext *ctx, JSValueConst of, JSAtom name, JSValue value, int flags)
{
    JSProperty *property = add_property(ctx, JS_VALUE_GET_OBJ(of), name, flags);

    if (unlikely(!property)) {
        JS_FreeValue(ctx, value);
        return -1;
    }
    property->u.value = value;
    return TRUE;
}

/* A property of an object literal, or a field of a class; takes the value. Returns -1 for an exception. */
static force_inline int define_field(JSContext *ctx, JSValueConst of, JSAtom name, JSValue value)
{
    JSObject *object;
    JSProperty *property;

    if (likely(JS_VALUE_GET_TAG(of) == JS_TAG_OBJECT)) {
        object = JS_VALUE_GET_OBJ(of);
        if (likely(object->class_id == JS_CLASS_OBJECT && object->extensible && !object->is_exotic) &&
            !find_own_property(&property, object, name))
            return append_property(ctx, of, name, value, JS_PROP_C_W_E);
    }
    return JS_DefinePropertyValue(ctx, of, name, value, JS_PROP_C_W_E | JS_PROP_THROW);
}

/* Takes the index. */
static force_inline JSValue get_element(JSContext *ctx, JSValueConst of, JSValue index)
{
    JSObject *object;
    uint32_t at;

    if (likely(JS_VALUE_GET_TAG(of) == JS_TAG_OBJECT && JS_VALUE_GET_TAG(index) == JS_TAG_INT)) {
        object = JS_VALUE_GET_OBJ(of);
        at = JS_VALUE_GET_INT(index);
        if (object->class_id == JS_CLASS_ARRAY && at < object->u.array.count)
            return JS_DupValue(ctx, object->u.array.u.values[at]);
        if (object->class_id == JS_CLASS_INT32_ARRAY && at < object->u.array.count)
            return JS_NewInt32(ctx, object->u.array.u.int32_ptr[at]);
    }
    return JS_GetPropertyValue(ctx, of, index);
}

/* Is it the element behind the last one of an array, as literals, spreads, map() and filter() define them one by one? */
static force_inline int is_next_element(JSValueConst of, JSValueConst index, int flags)
{
    JSObject *array;

    if (JS_VALUE_GET_TAG(of) != JS_TAG_OBJECT || JS_VALUE_GET_TAG(index) != JS_TAG_INT ||
        (flags & JS_PROP_C_W_E) != JS_PROP_C_W_E)
        return FALSE;
    array = JS_VALUE_GET_OBJ(of);
    return array->class_id == JS_CLASS_ARRAY && array->fast_array && array->extensible &&
           (uint32_t)JS_VALUE_GET_INT(index) == array->u.array.count;
}

/* An array of these values, which it takes unless it gives an exception. */
static JSValue array_of(JSContext *ctx, int count, const JSValue *values)
{
    JSValue made = JS_NewArray(ctx);
    JSObject *array;

    if (JS_IsException(made) || count == 0)
        return made;
    array = JS_VALUE_GET_OBJ(made);
    if (expand_fast_array(ctx, array, count)) {
        JS_FreeValue(ctx, made);
        return JS_EXCEPTION;
    }
    memcpy(array->u.array.u.values, values, count * sizeof(*values));
    array->u.array.count = count;
    array->prop[0].u.value = JS_NewInt32(ctx, count); /* its length */
    return made;
}

/*
 * The shape of an instance of a class of the program stays when no object has it any more, and so does that of a function with a
 * name and a length: there are few of them, and they come again and again. is_hashed, which is true or false else, tells them.
 */
#define KEPT 2

static int is_worth_keeping(JSContext *ctx, const JSShape *shape, JSClassID class_id)
{
    if (class_id == JS_CLASS_BYTECODE_FUNCTION)
        return shape->prop_count <= 2;
    return class_id == JS_CLASS_OBJECT && shape->proto != JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]);
}

static void keep_shape(JSContext *ctx, JSShape *shape, JSClassID class_id)
{
    if (shape->is_hashed != TRUE || !shape->proto || !is_worth_keeping(ctx, shape, class_id))
        return;
    shape->is_hashed = KEPT;
    shape->header.ref_count++;
}

/* At the end. Freeing one may free others. */
static void release_shapes(JSRuntime *rt)
{
    JSShape *shape;

    for (int i = 0; i < rt->shape_hash_size; i++) {
        while ((shape = rt->shape_hash[i]) != NULL) {
            while (shape && shape->is_hashed != KEPT)
                shape = shape->shape_hash_next;
            if (!shape)
                break;
            shape->is_hashed = TRUE;
            js_free_shape(rt, shape);
        }
    }
}

/* The two values at the top of the stack become whether they are the same. Names are one string in memory: atoms. */
static force_inline int compare_strictly(JSContext *ctx, JSValue *sp, int is_neq)
{
    const JSValue one = sp[-2], other = sp[-1];
    const int tag = JS_VALUE_GET_TAG(one), other_tag = JS_VALUE_GET_TAG(other);
    int is_same;

    if (tag == JS_TAG_STRING && other_tag == JS_TAG_STRING) {
        const JSString *text = JS_VALUE_GET_STRING(one), *other_text = JS_VALUE_GET_STRING(other);
        is_same = text == other_text;
        if (!is_same && (text->atom_type != JS_ATOM_TYPE_STRING || other_text->atom_type != JS_ATOM_TYPE_STRING))
            return js_strict_eq_slow(ctx, sp, is_neq);
    } else if (tag == JS_TAG_OBJECT && other_tag == JS_TAG_OBJECT)
        is_same = JS_VALUE_GET_OBJ(one) == JS_VALUE_GET_OBJ(other);
    else if (tag == JS_TAG_UNDEFINED || other_tag == JS_TAG_UNDEFINED)
        is_same = tag == other_tag;
    else
        return js_strict_eq_slow(ctx, sp, is_neq);
    JS_FreeValue(ctx, one);
    JS_FreeValue(ctx, other);
    sp[-2] = JS_NewBool(ctx, is_same != is_neq);
    return 0;
}
