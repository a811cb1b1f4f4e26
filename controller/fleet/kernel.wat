;; The inner loops of collections over a whole fleet, on a block of devices at a time. All it works on is in its own memory,
;; which fleet/kernel.ts lays out. test/fleet/plain-kernel.ts says the same in TypeScript, and tests hold the two equal.
;;
;; A plane is a bit a device, 16 devices to two bytes. A byte a code says of up to eight conditions whether they hold for that
;; value: condition k in bit 7 - k.
(module
  (memory (export "memory") 1)

  ;; Eight planes, `stride` bytes apart from `planes` on, of 16 devices' conditions; the left-most bits of `holds` come first.
  (func $spread (param $holds v128) (param $planes i32) (param $stride i32)
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds)))
    (local.set $planes (i32.add (local.get $planes) (local.get $stride)))
    (local.set $holds (i8x16.shl (local.get $holds) (i32.const 1)))
    (i32.store16 (local.get $planes) (i8x16.bitmask (local.get $holds))))

  ;; Codes of a byte each, 16 at a time, up to `end`. A swizzle looks up 16 bytes at once in a table of 16, and gives 0 for
  ;; an index beyond: so the table is gone through in pages, up to `tableEnd`, and each code is found in one of them.
  (func (export "scanBytes")
    (param $codes i32) (param $end i32) (param $table i32) (param $tableEnd i32) (param $planes i32) (param $stride i32)
    (local $code v128) (local $holds v128) (local $page i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $codes) (local.get $end)))
        (local.set $code (v128.load (local.get $codes)))
        (local.set $holds (v128.const i32x4 0 0 0 0))
        (local.set $page (local.get $table))
        (loop $pages
          (local.set $holds
            (v128.or (local.get $holds) (i8x16.swizzle (v128.load (local.get $page)) (local.get $code))))
          (local.set $code (i8x16.sub (local.get $code) (i8x16.splat (i32.const 16))))
          (local.set $page (i32.add (local.get $page) (i32.const 16)))
          (br_if $pages (i32.lt_u (local.get $page) (local.get $tableEnd))))
        (call $spread (local.get $holds) (local.get $planes) (local.get $stride))
        (local.set $codes (i32.add (local.get $codes) (i32.const 16)))
        (local.set $planes (i32.add (local.get $planes) (i32.const 2)))
        (br $next))))

  ;; Codes of two bytes each, looked up one by one.
  (func (export "scanPairs")
    (param $codes i32) (param $end i32) (param $table i32) (param $planes i32) (param $stride i32)
    (local $holds v128)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $codes) (local.get $end)))
        (local.set $holds (v128.load8_lane 0 (i32.add (local.get $table) (i32.load16_u (local.get $codes))) (v128.const i32x4 0 0 0 0)))
        (local.set $holds (v128.load8_lane 1 (i32.add (local.get $table) (i32.load16_u offset=2 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 2 (i32.add (local.get $table) (i32.load16_u offset=4 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 3 (i32.add (local.get $table) (i32.load16_u offset=6 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 4 (i32.add (local.get $table) (i32.load16_u offset=8 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 5 (i32.add (local.get $table) (i32.load16_u offset=10 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 6 (i32.add (local.get $table) (i32.load16_u offset=12 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 7 (i32.add (local.get $table) (i32.load16_u offset=14 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 8 (i32.add (local.get $table) (i32.load16_u offset=16 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 9 (i32.add (local.get $table) (i32.load16_u offset=18 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 10 (i32.add (local.get $table) (i32.load16_u offset=20 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 11 (i32.add (local.get $table) (i32.load16_u offset=22 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 12 (i32.add (local.get $table) (i32.load16_u offset=24 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 13 (i32.add (local.get $table) (i32.load16_u offset=26 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 14 (i32.add (local.get $table) (i32.load16_u offset=28 (local.get $codes))) (local.get $holds)))
        (local.set $holds (v128.load8_lane 15 (i32.add (local.get $table) (i32.load16_u offset=30 (local.get $codes))) (local.get $holds)))
        (call $spread (local.get $holds) (local.get $planes) (local.get $stride))
        (local.set $codes (i32.add (local.get $codes) (i32.const 32)))
        (local.set $planes (i32.add (local.get $planes) (i32.const 2)))
        (br $next))))

  ;; Steps of four words each, from `step` up to `end`: what to do, to which plane, with which two. 0 is and, 1 is or, 2 is
  ;; and-not. Each plane is its first byte's address and `bytes` long, a multiple of 16.
  (func (export "combine") (param $step i32) (param $end i32) (param $bytes i32)
    (local $what i32) (local $to i32) (local $a i32) (local $b i32) (local $toEnd i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $step) (local.get $end)))
        (local.set $what (i32.load (local.get $step)))
        (local.set $to (i32.load offset=4 (local.get $step)))
        (local.set $a (i32.load offset=8 (local.get $step)))
        (local.set $b (i32.load offset=12 (local.get $step)))
        (local.set $toEnd (i32.add (local.get $to) (local.get $bytes)))
        (local.set $step (i32.add (local.get $step) (i32.const 16)))
        (if (i32.eqz (local.get $what))
          (then
            (loop $more
              (v128.store (local.get $to) (v128.and (v128.load (local.get $a)) (v128.load (local.get $b))))
              (local.set $a (i32.add (local.get $a) (i32.const 16)))
              (local.set $b (i32.add (local.get $b) (i32.const 16)))
              (local.set $to (i32.add (local.get $to) (i32.const 16)))
              (br_if $more (i32.lt_u (local.get $to) (local.get $toEnd)))))
          (else
            (if (i32.eq (local.get $what) (i32.const 1))
              (then
                (loop $more
                  (v128.store (local.get $to) (v128.or (v128.load (local.get $a)) (v128.load (local.get $b))))
                  (local.set $a (i32.add (local.get $a) (i32.const 16)))
                  (local.set $b (i32.add (local.get $b) (i32.const 16)))
                  (local.set $to (i32.add (local.get $to) (i32.const 16)))
                  (br_if $more (i32.lt_u (local.get $to) (local.get $toEnd)))))
              (else
                (loop $more
                  (v128.store (local.get $to) (v128.andnot (v128.load (local.get $a)) (v128.load (local.get $b))))
                  (local.set $a (i32.add (local.get $a) (i32.const 16)))
                  (local.set $b (i32.add (local.get $b) (i32.const 16)))
                  (local.set $to (i32.add (local.get $to) (i32.const 16)))
                  (br_if $more (i32.lt_u (local.get $to) (local.get $toEnd))))))))
        (br $next)))))
